package devstack

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// spawner hands out the queue of one goroutine that owns its thread for the
// life of this process. The kernel sends a child its parent-death signal when
// the THREAD that forked it ends, and the Go runtime ends threads as it likes;
// forking from a thread that never ends is what ties children to the process.
var spawner = sync.OnceValue(func() chan<- func() {
	jobs := make(chan func())
	go func() {
		runtime.LockOSThread()
		for job := range jobs {
			job()
		}
	}()
	return jobs
})

// spawn starts cmd in a process group of its own, so that a Ctrl-C in the
// terminal reaches only us, and asks the kernel to send it death when we end.
func spawn(cmd *exec.Cmd, credential *syscall.Credential, death syscall.Signal) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: death, Credential: credential}
	done := make(chan error, 1)
	spawner() <- func() { done <- cmd.Start() }
	return <-done
}
