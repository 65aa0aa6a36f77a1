"""What the factory uses: sources, model backends, stores, engines. Each kind behind one small protocol."""
