//go:build !unix

package watcher

import (
	"io/fs"
	"time"
)

func identity(fs.FileInfo) (id fileID, ok bool) { return fileID{}, false }

func hasOtherNames(fs.FileInfo) bool { return false }

func changeTime(info fs.FileInfo) time.Time { return info.ModTime() }
