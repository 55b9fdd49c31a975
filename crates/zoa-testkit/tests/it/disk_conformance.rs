//! The simulated disk, and the log on it, pass the suite that the real disk passes.

mod direct {
    //! With direct durable writes.

    use zoa_testkit::disk::SimDisk;

    struct Fresh;

    impl Fresh {
        fn disk(&self) -> SimDisk {
            SimDisk::new(1)
        }
    }

    zoa_log::conformance_suite!(Fresh);
}

mod buffered {
    //! With writes into a page cache and syncs.

    use zoa_log::WriteMode;
    use zoa_testkit::disk::SimDisk;

    struct Fresh;

    impl Fresh {
        fn disk(&self) -> SimDisk {
            SimDisk::new(2).with_write_mode(WriteMode::Buffered)
        }
    }

    zoa_log::conformance_suite!(Fresh);
}
