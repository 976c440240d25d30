//go:build !linux

package main

import "math/rand/v2"

// disk is for Linux only: see disk_linux.go.
type disk struct{}

const ioErrorWrite, ioErrorFsync = 0, 0

func intercept() error { return nil }

func spin(string) (*disk, func(), error) {
	return nil, nil, missing("what stands between SQLite and its files is for Linux")
}

func (*disk) setFails(func(int32) int32)           {}
func (*disk) cut(*rand.Rand, string, string) error { return nil }
