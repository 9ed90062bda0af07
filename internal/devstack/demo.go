package devstack

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// DemoFile is the name, in the data folder, of the file through which scripts,
// checks and people find a running development hub.
const DemoFile = "demo.json"

// DemoHub is the content of DemoFile: where a development hub is and what its
// demo data can be used with. It exists while the hub is ready.
type DemoHub struct {
	API         string `json:"api"`
	Inbox       string `json:"inbox,omitempty"`
	Temporal    string `json:"temporal"`
	TemporalUI  string `json:"temporalUI,omitempty"`
	DatabaseURL string `json:"databaseURL"`
	RedisURL    string `json:"redisURL"`
	Demo
	// Pids are the process ids of the children that run, by name.
	Pids map[string]int `json:"pids"`
}

// Demo is the demo data that was seeded. A door's part appears when the door
// exists.
type Demo struct {
	Account *DemoAccount `json:"account,omitempty"`
	Hub     *DemoLogin   `json:"hub,omitempty"`
	Elevate *DemoElevate `json:"elevate,omitempty"`
	Enabley *DemoEnabley `json:"enabley,omitempty"`
	MIS     *DemoMIS     `json:"mis,omitempty"`
	Academy *DemoAcademy `json:"academy,omitempty"`
}

// DemoAccount names an account.
type DemoAccount struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// DemoLogin is what a person signs in with.
type DemoLogin struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

// DemoOrganization names an organization.
type DemoOrganization struct {
	ID   int64  `json:"id"`
	Code string `json:"code"`
}

// DemoElevate is for the Elevate door.
type DemoElevate struct {
	AdminSecretCode string           `json:"adminSecretCode"`
	Admin           DemoLogin        `json:"admin"`
	Organization    DemoOrganization `json:"organization"`
	OrgAdmin        DemoLogin        `json:"orgAdmin"`
	User            DemoLogin        `json:"user"`
}

// DemoClient is what a program signs in with at the Enabley door.
type DemoClient struct {
	ClientKey string `json:"clientKey"`
	Secret    string `json:"secret"`
}

// DemoEnabley is for the Enabley door; OtherAccount belongs to a second
// account, to try isolation with.
type DemoEnabley struct {
	DemoClient
	SubAccountName string     `json:"subAccountName"`
	Hierarchy      []string   `json:"hierarchy"`
	OtherAccount   DemoClient `json:"otherAccount"`
}

// DemoMIS is for the MIS door.
type DemoMIS struct {
	SuperAdmin  DemoLogin `json:"superAdmin"`
	TenantAdmin DemoLogin `json:"tenantAdmin"`
}

// DemoAcademy is for the Academy of Mine door.
type DemoAcademy struct {
	OwnerToken   string `json:"ownerToken"`
	StaffToken   string `json:"staffToken"`
	GeneralToken string `json:"generalToken"`
}

// ErrNoHub says that no development hub is ready in the data folder.
var ErrNoHub = errors.New("no running hub")

// ReadDemo finds the hub that is ready in the data folder dir. The error wraps
// ErrNoHub when there is none.
func ReadDemo(dir string) (DemoHub, error) { return ReadDemoFile(filepath.Join(dir, DemoFile)) }

// ReadDemoFile is ReadDemo for the file at path.
func ReadDemoFile(path string) (DemoHub, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return DemoHub{}, fmt.Errorf("%w: %s does not exist; start one with quad dev", ErrNoHub, path)
	}
	if err != nil {
		return DemoHub{}, fmt.Errorf("find the hub: %w", err)
	}
	var hub DemoHub
	if err := json.Unmarshal(content, &hub); err != nil {
		return DemoHub{}, fmt.Errorf("find the hub: %s: %w", path, err)
	}
	return hub, nil
}

// write puts the file into the data folder, readable for its owner only.
func (d DemoHub) write(dir string) error {
	content, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", DemoFile, err)
	}
	if err := WriteFile(filepath.Join(dir, DemoFile), append(content, '\n')); err != nil {
		return fmt.Errorf("write %s: %w", DemoFile, err)
	}
	return nil
}

// removeDemo makes the hub in dir unknown.
func removeDemo(dir string) error {
	if err := os.Remove(filepath.Join(dir, DemoFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", DemoFile, err)
	}
	return nil
}
