// Package validate holds no code: its tests check the files in deploy/ and
// docker-compose.yml as far as that goes without a container engine or a cluster.
//
//	go test -C deploy/validate ./...
package validate
