"""Formats for other programs that show networks: graphs, costs for a viewer, a trace. Each module writes one report."""
