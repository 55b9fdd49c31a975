dnl For phpize: checks for Cargo and has make call it. What is built is written in Rust; see Cargo.toml.

PHP_ARG_ENABLE([zookeeper],
  [whether to enable ZooKeeper support],
  [AS_HELP_STRING([--enable-zookeeper], [Enable ZooKeeper support])],
  [yes])

PHP_ARG_ENABLE([zookeeper-session],
  [whether to enable the ZooKeeper session save handler],
  [AS_HELP_STRING([--disable-zookeeper-session], [Leave out the save handler for sessions])],
  [yes], [no])

if test "$PHP_ZOOKEEPER" != "no"; then
  AC_PATH_PROG([ZOA_CARGO], [cargo], [no], [$PATH:$HOME/.cargo/bin])
  if test "$ZOA_CARGO" = "no"; then
    AC_MSG_ERROR([cargo is needed to build this extension: see https://rustup.rs])
  fi

  dnl A bare name would be looked for in other folders than this one.
  ZOA_PHP_CONFIG=`command -v "$PHP_CONFIG"`
  if test -z "$ZOA_PHP_CONFIG"; then
    AC_MSG_ERROR([$PHP_CONFIG does not run: pass --with-php-config=PATH])
  fi

  PHP_SUBST([ZOA_CARGO])
  PHP_SUBST([ZOA_PHP_CONFIG])
  ZOA_WITHOUT_SESSION=
  if test "$PHP_ZOOKEEPER_SESSION" = "no"; then
    ZOA_WITHOUT_SESSION=1
  fi
  PHP_SUBST([ZOA_WITHOUT_SESSION])

  dnl What make builds and make install copies.
  PHP_MODULES="$PHP_MODULES \$(phplibdir)/zookeeper.la"
  PHP_SUBST([PHP_MODULES])
  PHP_ADD_BUILD_DIR([modules])
  PHP_ADD_MAKEFILE_FRAGMENT([$abs_srcdir/Makefile.frag], [$abs_srcdir], [$abs_builddir])
fi
