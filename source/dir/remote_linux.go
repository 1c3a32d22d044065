package dir

import "golang.org/x/sys/unix"

// remoteTypes are the file systems that other machines or processes change without an
// event on this machine.
var remoteTypes = map[int64]bool{
	unix.NFS_SUPER_MAGIC: true, unix.SMB_SUPER_MAGIC: true, unix.CIFS_SUPER_MAGIC: true, unix.SMB2_SUPER_MAGIC: true,
	unix.FUSE_SUPER_MAGIC: true, unix.V9FS_MAGIC: true, unix.AFS_SUPER_MAGIC: true, unix.CODA_SUPER_MAGIC: true,
}

func isRemote(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && remoteTypes[int64(st.Type)] //nolint:unconvert // the type differs between architectures
}
