#!/usr/bin/env bash
# Makes sure that this machine has what the program needs, then runs its arguments.
#
# It installs only what is missing, and says in a line on stderr what it did. If nothing is missing,
# it is silent and takes a few hundredths of a second. Written for bash 3.2 and later, because macOS
# has that version.
set -euo pipefail

usage() {
	cat <<'END'
usage: cmd/setup.sh [COMMAND [ARGUMENT...]]

Makes sure that this machine has what the program needs: installs only what is missing (with apt-get, as root or by a
sudo that asks for no password), says on stderr what it did, then runs COMMAND. Without COMMAND it only sets up.

    ./cmd/setup.sh go run ./cmd/train
    ./cmd/setup.sh go test ./...

It looks for Go, a C compiler, a Vulkan loader and driver (a software one if there is no GPU), and Fashion-MNIST. If
COMMAND builds the viewer (./cmd/viz or ./...), it also looks for the X11 and OpenGL headers. If COMMAND is mpirun or
builds with the tag mpi, it installs Open MPI unless there is an MPI. It does not look for a browser: ./cmd/web builds and
serves its page without one, and the tests that open the page are skipped, with a message, if there is no Chromium.

If it cannot install packages, it names them. It exits 1, without running COMMAND, only if Go or the C compiler is
missing. From the environment: CC, the C compiler; NIN_DATA, the folder of the datasets; VK_DRIVER_FILES, a Vulkan
driver of your choice, which is then taken as it is.
END
}

say() { printf 'setup: %s\n' "$*" >&2; }

case ${1-} in
-h | --help)
	usage
	exit 0
	;;
esac

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

# ---- which system this is ------------------------------------------------------------------------

case ${OSTYPE-} in
linux*) system=linux ;;
darwin*) system=macos ;;
msys* | cygwin* | win*) system=windows ;;
*) system=other ;;
esac

os_id='' os_like='' os_codename='' os_codenames=''
if [[ $system == linux && -r /etc/os-release ]]; then
	while IFS='=' read -r key value; do
		value=${value#[\"\']}
		value=${value%[\"\']}
		case $key in
		ID) os_id=$value ;;
		ID_LIKE) os_like=$value ;;
		VERSION_CODENAME)
			os_codename=$value
			os_codenames+=" $value"
			;;
		UBUNTU_CODENAME | DEBIAN_CODENAME) os_codenames+=" $value" ;;
		esac
	done </etc/os-release
fi

# Debian 12's own Mesa (22.3) runs the kernels about five times slower than the one in its backports
# (25.0).
on_debian12=no
[[ $os_id == debian && $os_codename == bookworm ]] && on_debian12=yes

# ---- what is there -------------------------------------------------------------------------------

# Reports whether there are the compiler that cgo calls and the headers of the C library, which
# Debian's gcc comes without.
have_compiler() {
	local cc
	if [[ $system == macos ]]; then
		# Without the command-line tools, calling cc opens a dialog window.
		xcode-select -p >/dev/null 2>&1 || return 1
		read -ra cc <<<"${CC:-clang}"
	else
		read -ra cc <<<"${CC:-gcc}"
	fi
	command -v "${cc[0]}" >/dev/null 2>&1 || return 1
	printf '#include <stdlib.h>\n#include <math.h>\n' | "${cc[@]}" -E -x c - >/dev/null 2>&1
}

# Prints what is wrong with Go, or nothing.
go_trouble() {
	local need='' word version have_major have_minor
	[[ -r $root/go.mod ]] || return 0
	while read -r word version _; do
		if [[ $word == go ]]; then
			need=$version
			break
		fi
	done <"$root/go.mod"
	[[ $need =~ ^([0-9]+)\.([0-9]+) ]] || return 0
	local need_major=${BASH_REMATCH[1]} need_minor=${BASH_REMATCH[2]}

	if ! command -v go >/dev/null 2>&1; then
		if [[ -x /usr/local/go/bin/go ]]; then
			echo "Go is in /usr/local/go/bin, which is not on PATH: add it"
		else
			echo "Go is missing: install Go $need or newer"
		fi
		return 0
	fi
	version=$(cd / && GOTOOLCHAIN=local go version 2>/dev/null) || version=''
	# A version that cannot be read, such as a Go developer's build, counts as new enough.
	[[ $version =~ go([0-9]+)\.([0-9]+) ]] || return 0
	have_major=${BASH_REMATCH[1]} have_minor=${BASH_REMATCH[2]}
	((have_major > need_major || (have_major == need_major && have_minor >= need_minor))) && return 0
	# Since 1.21 the go command fetches the newer toolchain that go.mod requires, unless GOTOOLCHAIN
	# forbids it.
	if ((have_major > 1 || have_minor >= 21)) && [[ $(cd / && go env GOTOOLCHAIN) != local* ]]; then
		return 0
	fi
	echo "Go ${have_major}.${have_minor} is too old: install Go $need or newer"
}

# From 1.26.11 and 1.27.4 on, the go command refuses archives with LTO sections, such as
# wgpu-native's ("disallowed LTO section"), and no setting changes that. This script makes such a Go
# fetch and run the last version that links them.
readonly last_go=go1.26.10
take_older_go() {
	local version
	[[ -r $root/go.mod && -z ${GOTOOLCHAIN-} ]] || return 0
	version=$(cd "$root" && go version 2>/dev/null) || return 0
	[[ $version =~ go1\.([0-9]+)(\.([0-9]+))?\  ]] || return 0
	local minor=${BASH_REMATCH[1]} patch=${BASH_REMATCH[3]:-0}
	((minor > 27 || (minor == 27 && patch >= 4) || (minor == 26 && patch >= 11))) || return 0
	export GOTOOLCHAIN=$last_go
	say "Go 1.$minor.$patch does not link wgpu-native's library: running with GOTOOLCHAIN=$last_go"
}

have_loader() {
	local libraries file
	if libraries=$(PATH=$PATH:/usr/sbin:/sbin ldconfig -p 2>/dev/null); then
		[[ $libraries == *libvulkan.so.1* ]] && return 0
	fi
	for file in /usr/lib/libvulkan.so.1 /usr/lib64/libvulkan.so.1 /usr/lib/*/libvulkan.so.1 \
		/usr/local/lib/libvulkan.so.1 /run/opengl-driver/lib/libvulkan.so.1; do
		[[ -e $file ]] && return 0
	done
	local IFS=:
	for file in ${LD_LIBRARY_PATH-}; do
		[[ -e $file/libvulkan.so.1 ]] && return 0
	done
	return 1
}

# Reports whether the Vulkan loader would find a driver manifest with one of these names (patterns).
have_icd() {
	local dir pattern file
	for dir in "${XDG_CONFIG_HOME:-${HOME-}/.config}" /etc/xdg /usr/local/etc /etc \
		"${XDG_DATA_HOME:-${HOME-}/.local/share}" /usr/local/share /usr/share /run/opengl-driver/share; do
		for file in "$dir"/vulkan/icd.d/*.json; do
			[[ -e $file ]] || continue
			for pattern in "$@"; do
				# shellcheck disable=SC2053 # the right side is a pattern
				[[ ${file##*/} == $pattern ]] && return 0
			done
		done
	done
	return 1
}

# Reports whether there are a real GPU and a driver for it. Then the drivers stay as they are.
have_gpu() {
	local node driver
	if have_icd 'nvidia_icd*.json'; then
		for node in /dev/nvidia[0-9]* /dev/dxg; do
			[[ -e $node ]] && return 0
		done
	fi
	for node in /dev/dri/renderD*; do
		[[ -e $node ]] || continue
		driver=$(readlink "/sys/class/drm/${node##*/}/device/driver") || driver=''
		case ${driver##*/} in
		# A render node of a virtual screen cannot compute.
		virtio* | vgem | vkms | vmwgfx | qxl | bochs* | cirrus* | vboxvideo | ast | hyperv_drm) continue ;;
		# NVIDIA's own kernel driver serves only NVIDIA's own Vulkan driver, which was looked for
		# above.
		nvidia*) continue ;;
		esac
		have_icd 'intel*' 'radeon*' 'amd*' 'nouveau*' 'nvidia*' 'asahi*' 'broadcom*' 'freedreno*' 'panfrost*' \
			'powervr*' 'mali*' 'dzn*' && return 0
	done
	return 1
}

mesa_version() { dpkg-query -W -f '${Version}' mesa-vulkan-drivers 2>/dev/null || true; }

# Prints the state of the Vulkan driver: good, missing, or slow (only Debian 12's own Mesa).
driver_state() {
	if [[ -n ${VK_DRIVER_FILES-}${VK_ICD_FILENAMES-} ]] || have_gpu; then
		echo good
	elif ! have_icd 'lvp_icd*.json' '*swiftshader*.json'; then
		echo missing
	elif [[ $on_debian12 == yes && $(mesa_version) =~ ^([0-9]+)\. ]] && ((BASH_REMATCH[1] < 25)); then
		echo slow
	else
		echo good
	fi
}

# Reports whether the command to run builds the viewer, the only part that needs window headers.
wants_window() {
	local argument
	[[ -d $root/cmd/viz || -d $root/viz ]] || return 1
	for argument in "$@"; do
		case $argument in
		*cmd/viz* | *./viz* | *./... | *'./... '* | *cmd/...*) return 0 ;;
		esac
	done
	return 1
}

have_window_headers() {
	local header
	for header in X11/Xlib.h X11/extensions/Xrandr.h X11/extensions/Xinerama.h X11/Xcursor/Xcursor.h \
		X11/extensions/XInput2.h X11/extensions/xf86vmode.h GL/gl.h; do
		[[ -e /usr/include/$header || -e /usr/local/include/$header ]] || return 1
	done
}

# Reports whether the command to run uses several ranks, or builds a program for them.
wants_mpi() {
	local argument previous=''
	[[ ${CC-} != *mpicc* ]] || return 0
	for argument in "$@"; do
		case $argument in
		mpirun | mpiexec | *CC=mpicc* | -tags=*mpi* | *'-tags mpi'*) return 0 ;;
		mpi) [[ $previous != -tags ]] || return 0 ;;
		esac
		previous=$argument
	done
	return 1
}

have_mpi() { command -v mpicc >/dev/null 2>&1 && command -v mpirun >/dev/null 2>&1; }

# Reports whether Fashion-MNIST is in a place where the program looks, or the command to run has its
# own data or another dataset.
have_dataset() {
	local argument previous='' dir file cache
	for argument in "$@"; do
		case $argument in
		-data | --data | -data=* | --data=*) return 0 ;;
		-dataset=* | --dataset=*) previous=-dataset argument=${argument#*=} ;;
		esac
		case $previous in
		-dataset | --dataset) [[ $argument == fashion-mnist ]] || return 0 ;;
		esac
		previous=$argument
	done
	if [[ $system == macos ]]; then
		cache=${HOME-}/Library/Caches
	else
		cache=${XDG_CACHE_HOME:-${HOME-}/.cache}
	fi
	for dir in ${NIN_DATA:+"$NIN_DATA" "$NIN_DATA/fashion-mnist"} /usr/share/datasets/fashion-mnist \
		"$cache/nin/fashion-mnist"; do
		for file in train-images-idx3 train-labels-idx1 t10k-images-idx3 t10k-labels-idx1; do
			[[ -e $dir/$file-ubyte || -e $dir/$file-ubyte.gz ]] || continue 2
		done
		return 0
	done
	return 1
}

# ---- installing with apt -------------------------------------------------------------------------

work='' # a temporary folder: package lists, sources, log

as_root() {
	if ((EUID == 0)); then
		"$@"
	else
		sudo -n "$@"
	fi
}

cleanup() {
	if [[ -n $work ]]; then
		as_root rm -rf -- "$work" || true
		work=''
	fi
}

can_install() {
	[[ $system == linux ]] && command -v apt-get >/dev/null 2>&1 || return 1
	((EUID == 0)) || sudo -n true >/dev/null 2>&1
}

# apt_sources FILE...: prints "URI SUITE COMPONENT FILE" for each source of binary packages in files
# of either format. (apt-get indextargets would do it, but prints nothing if the machine has never
# fetched package lists.)
apt_sources() {
	awk '
		function source(uri, suite, component) {
			sub(/\/+$/, "", uri)
			print uri, suite, component, file
		}
		function stanza(   u, s, c, us, ss, cs) {
			if ((" " field["types"] " ") ~ / deb / && tolower(field["enabled"]) !~ /^ *(no|false|0|off)/) {
				split(field["uris"], us, " ")
				split(field["suites"], ss, " ")
				split(field["components"], cs, " ")
				for (u in us) for (s in ss) for (c in cs) source(us[u], ss[s], cs[c])
			}
			split("", field)
		}
		FNR == 1 { if (file != "") stanza(); file = FILENAME }
		/^[ \t]*#/ { next }
		FILENAME !~ /\.sources$/ {
			sub(/#.*/, "")
			if ($1 != "deb") next
			sub(/\[[^]]*\]/, "")
			for (i = 4; i <= NF; i++) source($2, $3, $i)
			next
		}
		/^[ \t]*$/ { stanza(); next }
		/^[ \t]/ { field[key] = field[key] " " $0; next }
		{ i = index($0, ":"); key = tolower(substr($0, 1, i - 1)); field[key] = substr($0, i + 1) }
		END { stanza() }
	' "$@"
}

apt_options=()

# Fetches the archive's package lists to a temporary place, so that it changes no configuration of
# the system. It uses only the files with the archive's own sources, with their options and keys, so
# an unreachable source of a third party does no harm.
apt_open() {
	local uri suite component file name files=() archive='' seen_backports=no line
	# Not in TMPDIR: apt reads this folder as another user, who may have no access there.
	work=$(mktemp -d /tmp/nin-setup.XXXXXX)
	mkdir -p "$work/parts" "$work/lists/partial"
	: >"$work/sources.list"
	: >"$work/all"
	: >"$work/own"

	for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
		[[ -r $file ]] && files+=("$file")
	done
	((${#files[@]} == 0)) || apt_sources "${files[@]}" >"$work/all"
	# The archive is the source of this release's updates or, on a minimal system without these, of
	# the release.
	for name in $os_codenames; do
		awk -v suite="$name-updates" '$2 == suite { print $1 }' "$work/all"
	done >"$work/archives"
	while read -r uri suite component file; do
		[[ $suite == bookworm-backports ]] && seen_backports=yes
		for name in $os_codenames; do
			case $suite in
			"$name-security" | "$name/updates") echo "$file" >>"$work/own" ;;
			"$name" | "$name-updates" | "$name-backports")
				[[ ! -s $work/archives ]] || grep -qxF -- "$uri" "$work/archives" || continue
				echo "$file" >>"$work/own"
				[[ $component == main && -z $archive ]] && archive=$uri
				;;
			esac
		done
	done <"$work/all"

	if [[ -s $work/own ]]; then
		while read -r file; do
			case $file in
			/etc/apt/sources.list) cp -- "$file" "$work/sources.list" ;;
			*) cp -- "$file" "$work/parts/" ;;
			esac
		done < <(sort -u "$work/own")
		if [[ $on_debian12 == yes && $seen_backports == no && -n $archive ]]; then
			line="$archive bookworm-backports main"
			if [[ -r /usr/share/keyrings/debian-archive-keyring.gpg ]]; then
				line="[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $line"
			fi
			echo "deb $line" >"$work/parts/nin-backports.list"
		fi
		apt_options+=(-o "Dir::Etc::SourceList=$work/sources.list" -o "Dir::Etc::SourceParts=$work/parts")
	fi
	chmod -R a+rX "$work"
	apt_options+=(
		-o "Dir::State::Lists=$work/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
		-o Acquire::Retries=1 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30
		-o Acquire::Languages=none -o DPkg::Lock::Timeout=300 -o APT::Keep-Downloaded-Packages=false
	)
	# Ignore a source that fails: the installation shows whether the packages are there.
	apt_run update || true
}

# Runs apt-get with the temporary lists. Its output goes to a log.
apt_run() {
	as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get "${apt_options[@]}" "$@" \
		</dev/null >"$work/log.$1" 2>&1
}

# Shows the sources that failed, and the end of apt-get's output.
apt_show() {
	{
		grep '^[EW]: ' "$work/log.update" | head -n 4 || true
		tail -n 8 "$work/log.install"
	} | sed 's/^/    /' >&2
}

# apt_install WHAT PACKAGE...: installs the packages and says so. After a failure it shows why and
# returns 1.
apt_install() {
	local what=$1
	shift
	say "installing $* ($what)"
	apt_run install -y --no-install-recommends --no-remove "$@" && return 0
	say "apt-get could not install $*:"
	apt_show
	return 1
}

install_driver() {
	local state=$1
	if [[ -e /dev/nvidia0 ]]; then
		say "there is an NVIDIA GPU without its Vulkan driver (nvidia_icd.json): the software driver is used until you install it"
	fi
	if [[ $on_debian12 == yes ]]; then
		if [[ $state == slow ]]; then
			say "Mesa $(mesa_version) computes about five times slower than the one in bookworm-backports"
		fi
		say "installing mesa-vulkan-drivers from bookworm-backports (Vulkan driver)"
		if apt_run install -y --no-install-recommends --no-remove -t bookworm-backports mesa-vulkan-drivers &&
			[[ $(driver_state) == good ]]; then
			say "mesa-vulkan-drivers is now $(mesa_version)"
			return 0
		fi
		say "cannot install from bookworm-backports:"
		apt_show
		if [[ $state == slow ]]; then
			say "continuing with Mesa $(mesa_version), which works, but is slower"
			return 0
		fi
		say "taking this release's own Mesa, which works, but is about five times slower"
	fi
	apt_install 'Vulkan driver' mesa-vulkan-drivers && say "mesa-vulkan-drivers is now $(mesa_version)"
}

# ---- where it cannot install ---------------------------------------------------------------------

# advise THING...: prints the packages that have the missing things, for this system or,
# if it is not known, for each.
advise() {
	local thing deb='' rpm='' arch='' family
	for thing in "$@"; do
		case $thing in
		compiler)
			deb+=' gcc libc6-dev' rpm+=' gcc glibc-devel' arch+=' gcc'
			;;
		loader)
			deb+=' libvulkan1' rpm+=' vulkan-loader' arch+=' vulkan-icd-loader'
			;;
		driver)
			deb+=' mesa-vulkan-drivers' rpm+=' mesa-vulkan-drivers' arch+=' vulkan-swrast'
			;;
		headers)
			deb+=" ${window_packages[*]}"
			rpm+=' libX11-devel libXrandr-devel libXinerama-devel libXcursor-devel libXi-devel'
			rpm+=' libXxf86vm-devel mesa-libGL-devel'
			arch+=' libx11 libxrandr libxinerama libxcursor libxi libxxf86vm libglvnd'
			;;
		mpi)
			deb+=" ${mpi_packages[*]}" rpm+=' gcc glibc-devel openmpi-devel' arch+=' gcc openmpi'
			;;
		dataset) deb+=' dataset-fashion-mnist' ;;
		esac
	done
	case " $os_id $os_like " in
	*' debian '* | *' ubuntu '*) family=deb ;;
	*' fedora '* | *' rhel '*) family=rpm ;;
	*' arch '*) family=arch ;;
	*) family=unknown ;;
	esac
	case $family in
	deb | unknown) [[ -z $deb ]] || say "Debian, Ubuntu: apt-get install$deb" ;;
	esac
	case $family in
	rpm | unknown) [[ -z $rpm ]] || say "Fedora: dnf install$rpm" ;;
	esac
	case $family in
	arch | unknown) [[ -z $arch ]] || say "Arch: pacman -S$arch" ;;
	esac
}

# ---- all together --------------------------------------------------------------------------------

window_packages=(
	libx11-dev libxrandr-dev libxinerama-dev libxcursor-dev libxi-dev libxxf86vm-dev libgl-dev
)
mpi_packages=(gcc libc6-dev libopenmpi-dev openmpi-bin)

missing=() # of: compiler, loader, driver, headers, mpi, dataset
slow=no

look() {
	local state
	missing=() slow=no
	have_compiler || missing+=(compiler)
	if [[ $system == linux ]]; then # macOS has Metal, Windows has Direct3D 12, and both have their window headers
		have_loader || missing+=(loader)
		state=$(driver_state)
		case $state in
		missing) missing+=(driver) ;;
		slow) slow=yes ;;
		esac
		if wants_window "$@" && ! have_window_headers; then
			missing+=(headers)
		fi
		if wants_mpi "$@" && ! have_mpi; then
			missing+=(mpi)
		fi
	fi
	have_dataset "$@" || missing+=(dataset)
}

is_missing() { [[ " ${missing[*]-} " == *" $1 "* ]]; }

install_missing() {
	trap cleanup EXIT
	apt_open
	if is_missing compiler && [[ -z ${CC-} ]]; then
		apt_install 'C compiler' gcc libc6-dev || true
	fi
	if is_missing loader; then
		apt_install 'Vulkan loader' libvulkan1 || true
	fi
	if is_missing driver; then
		install_driver missing || true
	elif [[ $slow == yes ]]; then
		install_driver slow
	fi
	if is_missing headers; then
		apt_install 'window headers for the viewer' "${window_packages[@]}" || true
	fi
	if is_missing mpi; then
		apt_install 'MPI' "${mpi_packages[@]}" || true
	fi
	if is_missing dataset && apt_run install -s dataset-fashion-mnist; then
		apt_install 'the images to train on' dataset-fashion-mnist || true
	fi
	cleanup
	trap - EXIT
}

# report HOW: says what is still missing and, if HOW is "advise", what to install.
report() {
	local how=$1 thing
	for thing in ${missing[@]+"${missing[@]}"}; do
		case $thing in
		compiler)
			if [[ -n ${CC-} ]]; then
				say "CC is \"$CC\", which does not compile C here"
			elif [[ $system == macos ]]; then
				say "no C compiler: run xcode-select --install"
			elif [[ $system == windows ]]; then
				say "no C compiler: install MinGW-w64's gcc (in MSYS2: pacman -S mingw-w64-ucrt-x86_64-gcc) and put it on PATH"
			else
				say "no C compiler (gcc and the C library's headers)"
			fi
			;;
		loader) say "no Vulkan loader (libvulkan.so.1)" ;;
		driver) say "no Vulkan driver: neither a GPU's nor the software one" ;;
		headers) say "no window headers (X11, OpenGL): the viewer will not build" ;;
		mpi) say "no MPI (mpicc and mpirun)" ;;
		dataset) say "Fashion-MNIST is missing: cmd/train will download it" ;;
		esac
	done
	if [[ $how == advise && ($system == linux || $system == other) ]]; then
		advise ${missing[@]+"${missing[@]}"}
	fi
}

look "$@"
if ((${#missing[@]} > 0)) || [[ $slow == yes ]]; then
	if can_install; then
		install_missing
		look "$@"
		report briefly
		say "done in $SECONDS s"
	else
		if [[ $slow == yes ]]; then
			say "Mesa $(mesa_version) works, but is about five times slower than the one in bookworm-backports: run this once as root"
		fi
		report advise
	fi
fi

trouble=$(go_trouble)
[[ -z $trouble ]] || say "$trouble"
if [[ -n $trouble ]] || is_missing compiler; then
	exit 1
fi

take_older_go
(($# == 0)) || exec "$@"
