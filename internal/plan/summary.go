package plan

// Summarize counts what a plan holds. The downtime is the sum over all windows
// of all instances, and not known (0) when one window's is not. A window of an
// instance that was found stopped takes nothing down.
func Summarize(p *Plan) Summary {
	s := Summary{Instances: len(p.Instances)}
	known := true
	for i := range p.Instances {
		in := &p.Instances[i]
		if in.Importing != nil {
			s.ToImport++
		}
		switch {
		case in.Failed:
			s.Failed++
		case in.onlyImported():
		case in.Mode != Observe && in.HasChanges():
			s.ToChange++
		}
		s.ByAddress = append(s.ByAddress, lines(in)...)
		for w := range in.Stages {
			st := &in.Stages[w]
			switch {
			case st.Kind != Window:
			case st.FoundStopped():
				s.Windows++ // DSS is down already
			default:
				s.Windows++
				s.Downtime.Seconds += st.Cost.Seconds
				s.Downtime.Bytes += st.Cost.Bytes
				known = known && st.Cost.Seconds > 0
			}
			for a := range st.Actions {
				s.count(&st.Actions[a])
			}
		}
	}
	if !known {
		s.Downtime.Seconds = 0
	}
	return s
}

func (s *Summary) count(a *Action) {
	switch a.Danger {
	case Irreversible:
		s.Irreversible++
	case DataLoss:
		s.DataLoss++
	case NoDanger, Downtime:
	}
	if a.Manual != "" {
		s.Manual++
	}
}

// lines sums an instance's changes by block, in their order.
func lines(in *Instance) []Line {
	var out []Line
	at := map[string]int{}
	for i := range in.Changes {
		c := &in.Changes[i]
		n, ok := at[c.Block]
		if !ok {
			address := in.Address
			if c.Block != "" {
				address += "." + c.Block
			}
			at[c.Block] = len(out)
			out = append(out, Line{Address: address, Op: c.Op, Changes: 1})
			continue
		}
		out[n].Changes++
		if out[n].Op != c.Op {
			out[n].Op = Update
		}
	}
	return out
}

// CostOf sums the estimates of a stage's actions. The time is not known (0)
// when something that takes time has no estimate in seconds: an action that
// moves bytes, protects, replays or stops DSS, one that a person has to do, and
// a start, a preparation or a cleaning up of which no action has one. A change
// that names neither seconds nor bytes is an edit, and looking is quick: they
// count for nothing.
func CostOf(actions []Action) Cost {
	var c Cost
	known := true
	sums := map[Phase]float64{}
	for i := range actions {
		a := &actions[i]
		c.Seconds += a.Cost.Seconds
		c.Bytes += a.Cost.Bytes
		work := a.Manual != "" || a.Danger == Downtime || a.Cost.Bytes > 0
		switch a.Phase {
		case Protect, Replay:
			work = true
		case Prepare, Start, Clean:
			sums[a.Phase] += a.Cost.Seconds
		case Stop, Doing, Proof:
		}
		known = known && (!work || a.Cost.Seconds > 0)
	}
	for _, seconds := range sums {
		known = known && seconds > 0
	}
	if !known {
		c.Seconds = 0
	}
	return c
}

// FoundStopped reports whether the stage is a window of an instance that was
// found stopped: it takes nothing down.
func (st *Stage) FoundStopped() bool {
	if st.Kind != Window || st.Note == "" {
		return false
	}
	for i := range st.Actions {
		if st.Actions[i].Danger == Downtime {
			return false
		}
	}
	return true
}
