//go:build unix && !linux

package devstack

import (
	"os/exec"
	"syscall"
)

// spawn starts cmd in a process group of its own. These systems have no
// parent-death signal: children outlive a parent that was killed with SIGKILL.
func spawn(cmd *exec.Cmd, credential *syscall.Credential, _ syscall.Signal) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: credential}
	return cmd.Start()
}
