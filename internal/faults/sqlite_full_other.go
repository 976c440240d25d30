//go:build !linux

package main

import "context"

func fullDisk(context.Context, string) (*site, error) {
	return nil, missing("a small file system is mounted on Linux only")
}
