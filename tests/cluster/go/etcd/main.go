// SPDX-License-Identifier: Apache-2.0

// etcd's server: the main function of the released program.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	etcdmain.Main(os.Args)
}
