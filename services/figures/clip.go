package figures

import (
	"github.com/gatewatch/gatewatch/dashboards"
	"github.com/gatewatch/gatewatch/detection/event"
)

// maxText bounds a text that somebody else wrote, in characters.
const maxText = 200

func clip(v event.Value) string { return dashboards.Clip(text(v), maxText) }
