package view

import (
	"encoding/json"

	"github.com/dssctl/dssctl/internal/plan"
	"github.com/dssctl/dssctl/internal/view/viewtest"
)

var noon = viewtest.Noon

func raw(s string) json.RawMessage { return viewtest.Raw(s) }

func movePlan() *plan.Plan   { return viewtest.Move() }
func everything() *plan.Plan { return viewtest.Everything() }
func many(n int) *plan.Plan  { return viewtest.Many(n) }
