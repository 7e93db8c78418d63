package plan

// PhaseIndex returns where p stands among Phases, -1 for an unknown one.
func PhaseIndex(p Phase) int {
	switch p {
	case Prepare:
		return 0
	case Stop:
		return 1
	case Protect:
		return 2
	case Doing:
		return 3
	case Replay:
		return 4
	case Proof:
		return 5
	case Start:
		return 6
	case Clean:
		return 7
	default:
		return -1
	}
}
