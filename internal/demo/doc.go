// Package demo holds what people try the hub with: the demo account with its
// organizations and people (Seed), and the main job (Run), which works through
// the hub's public HTTP API as any client would and checks every answer.
package demo
