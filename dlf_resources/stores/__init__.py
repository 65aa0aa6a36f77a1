"""Where bytes and tables lie."""
