package executor

// roomChecker is a store that can tell beforehand that a run could not be written
// down to its end.
type roomChecker interface{ CheckRoom() error }

// recordable says why a run could not be journalled: without its journal a window
// can be neither finished nor undone.
func (s *session) recordable() error {
	if c, ok := s.Store.(roomChecker); ok {
		return c.CheckRoom()
	}
	return nil
}
