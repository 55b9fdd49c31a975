# Cargo knows what has changed; it is asked each time.
.PHONY: zoa-cargo

zoa-cargo:
	PHP="$(PHP_EXECUTABLE)" PHP_CONFIG="$(ZOA_PHP_CONFIG)" ZOA_WITHOUT_SESSION="$(ZOA_WITHOUT_SESSION)" \
		$(ZOA_CARGO) build --release --locked --manifest-path "$(srcdir)/Cargo.toml" --target-dir "$(builddir)/target"

# `make test` reads the name of the library out of the .la file.
$(phplibdir)/zookeeper.la: zoa-cargo
	mkdir -p "$(phplibdir)"
	cp "$(builddir)/target/release/libzookeeper.so" "$(phplibdir)/zookeeper.so"
	echo "dlname='zookeeper.so'" > "$(phplibdir)/zookeeper.la"
