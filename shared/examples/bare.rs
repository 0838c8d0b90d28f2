//! The smallest possible function. The start-up of our functions is measured in comparison with it.

use lambda_http::{Error, Request, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(async |_: Request| Ok::<_, std::convert::Infallible>("hello"))).await
}
