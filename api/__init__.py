"""HTTP, command line and web page. The only package that knows the web framework."""
