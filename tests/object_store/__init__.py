"""An object store for tests: the real S3 server of SeaweedFS, and a proxy before it that misbehaves as stores do."""
