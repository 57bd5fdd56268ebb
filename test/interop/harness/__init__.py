"""What the interop tests stand on: namespaces, processes, captures, and other people's programs."""
