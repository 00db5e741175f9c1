// SPDX-License-Identifier: Apache-2.0

//go:build tools

// Package programs names the program to build, so that `go mod tidy` keeps what it needs.
package programs

import _ "helm.sh/helm/v3/cmd/helm"
