package config

// foreign are blocks that people know from other tools, or from other places of
// the language, with the way that leads there here.
var foreign = map[string]string{
	"removed":   "An instance is given up by taking its block out of the files; where that shall be said, write forget { from = instance.NAME }.",
	"resource":  "An instance of DSS is declared with a block instance.",
	"data":      "What is live is not read into the files; other instances' declarations are instance.NAME.ATTRIBUTE.",
	"provider":  "There are no providers: the aspects of an instance are blocks inside it.",
	"terraform": "Settings of the estate stand in a block dssctl.",
}

// foreignNames are such attributes with the name that they have here.
var foreignNames = map[string]string{"import.id": "data_dir"}

// foreignAttributes are attributes that people know from other tools, by
// BLOCK.NAME, with what stands here in their place.
var foreignAttributes = map[string]string{
	"module.count":      "A module that is called several times has for_each, so that each has a name of its own: for_each = toset([\"a\", \"b\"]).",
	"module.version":    "A module is a folder beside the estate: its version is that of the checkout.",
	"module.providers":  "There are no providers: the aspects of an instance are blocks inside it.",
	"module.depends_on": "What a module needs is told by the references in its arguments; at the instances, everything is done in the order of addresses.",
	"import.id":         `An instance is found by its data directory: write data_dir = "DIR".`,
	"import.provider":   "There are no providers: to and data_dir are all that an import needs.",
	"import.for_each":   "Write a block import for each instance.",
}
