//! Whole ensembles in one thread, driven through their public face only.

mod broken_ways;
mod chaos;
mod dice;
mod disk;
mod founding;
mod hostile;
mod joining;
mod machine;
mod members;
mod upgrade;
mod world;
mod writes;
