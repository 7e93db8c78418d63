package config

// Undeclared returns an instance of which nothing is declared but where it is:
// for looking at one that no file names yet.
func Undeclared(name, dataDir string) *Instance {
	address := "instance." + name
	return &Instance{Address: address, Name: name, DataDir: dataDir, Block: &Block{Address: address, Type: "instance", Labels: []string{name}}}
}
