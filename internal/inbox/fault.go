package inbox

import (
	"fmt"
	"math"
	"sync"
)

// FaultMode is a way in which the inbox fails on purpose.
type FaultMode string

const (
	// FaultOK accepts everything.
	FaultOK FaultMode = "ok"
	// FaultReject answers the message with an error (451 unless another code
	// was asked for).
	FaultReject FaultMode = "reject"
	// FaultHang takes the whole message and then stays silent until the client
	// gives up, the hang timeout passes, or the server stops.
	FaultHang FaultMode = "hang"
	// FaultDrop closes the connection in the middle of the message.
	FaultDrop FaultMode = "drop"
)

// defaultRejectCode is a temporary error: a sender should try again.
const defaultRejectCode = 451

// Fault is the current way of failing.
type Fault struct {
	Mode FaultMode `json:"mode"`
	// Rate is the share of the messages that fail, 0 to 1.
	Rate float64 `json:"rate"`
	// Code is the SMTP status of FaultReject, 400 to 599.
	Code int `json:"code,omitempty"`
}

func (f Fault) validate() error {
	switch f.Mode {
	case FaultOK, FaultReject, FaultHang, FaultDrop:
	default:
		return fmt.Errorf("mode %q is unknown; use ok, reject, hang or drop", f.Mode)
	}
	if math.IsNaN(f.Rate) || f.Rate < 0 || f.Rate > 1 {
		return fmt.Errorf("rate %v is not between 0 and 1", f.Rate)
	}
	if f.Code != 0 && (f.Mode != FaultReject || f.Code < 400 || f.Code > 599) {
		return fmt.Errorf("code %d: only the mode reject takes a code, from 400 to 599", f.Code)
	}
	return nil
}

// faults decides which messages fail. The failures are spread evenly: of any
// 1/rate messages in a row one fails, so a test that asks for a share gets it.
type faults struct {
	mu      sync.Mutex
	current Fault
	debt    float64
}

func (f *faults) set(fault Fault) error {
	if err := fault.validate(); err != nil {
		return fmt.Errorf("inbox: set fault: %w", err)
	}
	switch {
	case fault.Mode == FaultOK:
		fault.Rate = 0
	case fault.Mode == FaultReject && fault.Code == 0:
		fault.Code = defaultRejectCode
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.current, f.debt = fault, 0
	return nil
}

func (f *faults) get() Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.current.Mode == "" {
		return Fault{Mode: FaultOK}
	}
	return f.current
}

// next returns what happens to the next message.
func (f *faults) next() Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.current.Rate == 0 {
		return Fault{Mode: FaultOK}
	}
	// The small allowance keeps ten times 0.1 from being less than one.
	if f.debt += f.current.Rate; f.debt < 1-1e-9 {
		return Fault{Mode: FaultOK}
	}
	f.debt--
	return f.current
}
