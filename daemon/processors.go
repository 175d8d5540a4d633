package daemon

import "runtime"

// mostProcessors bounds how many computations get a thread of their own.
const mostProcessors = 128

// processors keeps the daemon answering while n computations take long. Go gives
// each of them slices of ten milliseconds on as many threads as there are
// processors, and whatever is woken by the network waits for all of them. With a
// thread more for each, the operating system shares the processors out, and lets
// those go first that have used little.
func processors(n int) {
	runtime.SetDefaultGOMAXPROCS()
	if n > 0 {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + min(n, mostProcessors))
	}
}
