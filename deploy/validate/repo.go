// Package validate holds no code: its tests check the files in deploy/ and
// docker-compose.yml as far as that goes without a container engine or a cluster.
//
//	go test -C deploy/validate -count=1 ./...
//
// -count=1, because the go command does not see that files outside of this
// module have changed and would show an old result.
package validate
