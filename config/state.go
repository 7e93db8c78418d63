package config

// evaluateState returns the dssctl { state } block; nil when there is none.
func (l *loader) evaluateState() *Block {
	if l.settings == nil {
		return nil
	}
	for _, c := range l.settings.blocks {
		c.each(func(e *expression) { l.resolve(e, surroundings{}) })
		return l.decode(c, l.root, "dssctl.state")
	}
	return nil
}
