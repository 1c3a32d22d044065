// Command neurondex-all is the command neurondex with every store: besides file://, those of
// object storage (s3://, gs:// and azblob://) and etcd (etcd://).
//
// Run neurondex-all help for its commands.
package main

import (
	"github.com/neurondex/neurondex/internal/command"
	_ "github.com/neurondex/neurondex/release/blobstore" // s3://, gs://, azblob://, mem://
	_ "github.com/neurondex/neurondex/release/dirstore"  // file://
	_ "github.com/neurondex/neurondex/release/etcdstore" // etcd://
)

func main() { command.Main() }
