package install

// Listeners is listeners.
func Listeners(dir string) (map[int]bool, error) { return listeners(dir) }

// NewPortWith makes a provider that looks for the kernel's lists in dir.
func NewPortWith(dir string) *Port { return &Port{procNet: dir} }
