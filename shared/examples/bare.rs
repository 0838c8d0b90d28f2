//! The least a function can be: what the start-up of ours is measured beside.

use lambda_http::{Error, Request, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(async |_: Request| Ok::<_, std::convert::Infallible>("hello"))).await
}
