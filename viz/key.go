package viz

// Key is something that a key of the keyboard asks of a scene.
type Key int

// The keys, with what a window should bind them to.
const (
	KeyNone          Key = iota
	KeyLayerUp           // up: the layer before
	KeyLayerDown         // down: the layer after
	KeyNextSample        // right
	KeyPrevSample        // left
	KeyNormalisation     // n: per map, per layer, global
	KeyColours           // c: the next colour map
	KeyView              // v: activations, gradients, kernels, gradients of kernels
	KeyZoom              // enter: the chosen map alone, or all
	KeyNextMap           // tab or .: the chosen map
	KeyPrevMap           // shift-tab or ,
	KeyNextPlane         // ]: the input channel of the kernels shown
	KeyPrevPlane         // [
	KeyNextClass         // k: the class of the activation map; after the last, the most likely one
	KeyPause             // space
	KeyStep              // s: one training step
	KeyFreeze            // f: hold what is shown, while training goes on
	KeyBack              // b or page up: earlier in the history of a training run
	KeyForward           // g or page down: later
	KeyNow               // end: back to the present
	KeyClear             // delete: an empty canvas to draw on
	KeyScreenshot        // p
	KeyHelp              // h or ?
	KeyEscape            // escape: closes help, zoom, history, in this order
)
