package config

// foreign are blocks that people know from other tools, or from other places of
// the language, with the way that leads there here.
var foreign = map[string]string{
	"import": "Nothing needs to be imported here: a plan looks at the live instance, so that one is taken over by being declared. " +
		"`dssctl import NAME -data-dir DIR` writes the block that declares it as it is, and the first plan with it is empty.",
	"removed":  "An instance is given up by taking its block out of the files; where that shall be said, write forget { from = instance.NAME }.",
	"resource": "An instance of DSS is declared with a block instance.",
	"data":     "What is live is not read into the files; other instances' declarations are instance.NAME.ATTRIBUTE.",
	"module": "There are no modules, from whatever source: instances that are alike share one block instance with for_each, " +
		"and a file that several estates share is linked into the folder of each (ln -s), with variables for what differs.",
	"provider":  "There are no providers: the aspects of an instance are blocks inside it.",
	"terraform": "Settings of the estate stand in a block dssctl.",
}
