// gpucompile compiles compute shaders with a Vulkan driver, on its first device, and prints what
// the driver's compiler reports for each: a line of statistics, and the machine code. The device
// need not exist: RADV, Mesa's driver for AMD GPUs, pretends to have the chip in RADV_FORCE_FAMILY.
//
//	cc -o gpucompile gpucompile.c -lvulkan
//	RADV_FORCE_FAMILY=navi31 VK_DRIVER_FILES=/usr/share/vulkan/icd.d/radeon_icd.json ./gpucompile FILE.spv...
//
// Shaders have an entry point main and at most BINDINGS buffers in group 0. All are declared as
// storage, because a uniform that is read as storage compiles to the same code.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vulkan.h>

#define BINDINGS 12
#define COUNT(array) (sizeof array / sizeof *array)

static void check(VkResult result, const char *call) {
	if (result != VK_SUCCESS) {
		fprintf(stderr, "%s: error %d\n", call, result);
		exit(1);
	}
}
#define CHECK(call) check(call, #call)

static VkPhysicalDevice first_device(void) {
	VkApplicationInfo app = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO, .apiVersion = VK_API_VERSION_1_2};
	VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, .pApplicationInfo = &app};
	VkInstance instance;
	CHECK(vkCreateInstance(&info, NULL, &instance));
	uint32_t count = 1;
	VkPhysicalDevice device;
	vkEnumeratePhysicalDevices(instance, &count, &device); // it returns VK_INCOMPLETE if there are more
	if (count == 0) {
		fprintf(stderr, "no device\n");
		exit(1);
	}
	VkPhysicalDeviceDriverProperties driver = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
	VkPhysicalDeviceProperties2 properties = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &driver};
	vkGetPhysicalDeviceProperties2(device, &properties);
	printf("device %s, %s %s\n", properties.properties.deviceName, driver.driverName, driver.driverInfo);
	return device;
}

static VkDevice open_device(VkPhysicalDevice physical) {
	float priority = 1;
	VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, .queueCount = 1, .pQueuePriorities = &priority};
	const char *extensions[] = {VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME};
	VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR features = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR,
		.pipelineExecutableInfo = VK_TRUE,
	};
	VkDeviceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, .pNext = &features,
		.queueCreateInfoCount = 1, .pQueueCreateInfos = &queue,
		.enabledExtensionCount = COUNT(extensions), .ppEnabledExtensionNames = extensions,
	};
	VkDevice device;
	CHECK(vkCreateDevice(physical, &info, NULL, &device));
	return device;
}

static VkPipelineLayout new_layout(VkDevice device) {
	VkDescriptorSetLayoutBinding bindings[BINDINGS];
	for (uint32_t i = 0; i < BINDINGS; i++) {
		bindings[i] = (VkDescriptorSetLayoutBinding){i, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, NULL};
	}
	VkDescriptorSetLayoutCreateInfo set = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, .bindingCount = BINDINGS, .pBindings = bindings,
	};
	VkDescriptorSetLayout sets[1];
	CHECK(vkCreateDescriptorSetLayout(device, &set, NULL, sets));
	VkPipelineLayoutCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO, .setLayoutCount = 1, .pSetLayouts = sets};
	VkPipelineLayout layout;
	CHECK(vkCreatePipelineLayout(device, &info, NULL, &layout));
	return layout;
}

static VkShaderModule read_module(VkDevice device, const char *path) {
	FILE *file = fopen(path, "rb");
	if (!file) {
		perror(path);
		exit(1);
	}
	fseek(file, 0, SEEK_END);
	long size = ftell(file);
	rewind(file);
	uint32_t *code = malloc(size);
	if (fread(code, 1, size, file) != (size_t)size) {
		perror(path);
		exit(1);
	}
	fclose(file);
	VkShaderModuleCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = size, .pCode = code};
	VkShaderModule module;
	CHECK(vkCreateShaderModule(device, &info, NULL, &module));
	free(code);
	return module;
}

static void print_statistics(VkDevice device, VkPipelineExecutableInfoKHR *executable) {
	PFN_vkGetPipelineExecutableStatisticsKHR get = (void *)vkGetDeviceProcAddr(device, "vkGetPipelineExecutableStatisticsKHR");
	VkPipelineExecutableStatisticKHR all[64] = {{0}};
	uint32_t count = COUNT(all);
	for (uint32_t i = 0; i < count; i++) {
		all[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR;
	}
	get(device, executable, &count, all);
	printf("statistics");
	for (uint32_t i = 0; i < count; i++) {
		if (all[i].format == VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_UINT64_KHR) {
			printf(" %s=%llu;", all[i].name, (unsigned long long)all[i].value.u64);
		}
	}
	printf("\n");
}

// The last representation of a shader is its machine code.
static void print_code(VkDevice device, VkPipelineExecutableInfoKHR *executable) {
	PFN_vkGetPipelineExecutableInternalRepresentationsKHR get =
		(void *)vkGetDeviceProcAddr(device, "vkGetPipelineExecutableInternalRepresentationsKHR");
	VkPipelineExecutableInternalRepresentationKHR all[8] = {{0}};
	uint32_t count = COUNT(all);
	for (uint32_t i = 0; i < count; i++) {
		all[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INTERNAL_REPRESENTATION_KHR;
	}
	get(device, executable, &count, all);
	for (uint32_t i = 0; i < count; i++) {
		all[i].pData = calloc(1, all[i].dataSize + 1);
	}
	get(device, executable, &count, all);
	if (count > 0) {
		printf("%s\n", (char *)all[count - 1].pData);
	}
	for (uint32_t i = 0; i < count; i++) {
		free(all[i].pData);
	}
}

int main(int argc, char **argv) {
	VkDevice device = open_device(first_device());
	VkPipelineLayout layout = new_layout(device);
	for (int i = 1; i < argc; i++) {
		printf("file %s\n", argv[i]);
		VkComputePipelineCreateInfo info = {
			.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
			.flags = VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR | VK_PIPELINE_CREATE_CAPTURE_INTERNAL_REPRESENTATIONS_BIT_KHR,
			.stage = {
				.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO, .stage = VK_SHADER_STAGE_COMPUTE_BIT,
				.module = read_module(device, argv[i]), .pName = "main",
			},
			.layout = layout,
		};
		VkPipeline pipeline;
		CHECK(vkCreateComputePipelines(device, VK_NULL_HANDLE, 1, &info, NULL, &pipeline));
		VkPipelineExecutableInfoKHR executable = {.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR, .pipeline = pipeline};
		print_statistics(device, &executable);
		print_code(device, &executable);
		vkDestroyPipeline(device, pipeline, NULL);
		vkDestroyShaderModule(device, info.stage.module, NULL);
	}
	return 0;
}
