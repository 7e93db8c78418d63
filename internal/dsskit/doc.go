// Package dsskit makes simulated Dataiku DSS kits and instances for tests and for the demo.
//
// DSS is proprietary and heavy, so what drives it is tested against a stand-in that does in the open what its
// documentation says of it: a kit unpacks to an installer, the installer makes a data directory, bin/dss starts real
// processes, and these keep their history in real H2 files or in a real PostgreSQL server, writing to it all the time.
// A copy taken while it runs is therefore truly inconsistent, and a forgotten step shows as it would show at work.
//
// What is not public (output, exit codes, names of tables, where the key lies) is chosen by a seed, so that nothing can
// come to depend on it; run tests over several seeds. What goes wrong in the field is switched on as a Fault.
//
// A newcomer starts with Build, which makes a kit, Install, which runs its installer, and StartPostgres. The shell
// scripts are under kit/, the programs they start under java/. Nothing here runs as root, as DSS does not.
package dsskit
