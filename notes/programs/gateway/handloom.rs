use handloom::aio::{Semaphore, gather, sleep, timeout};
use handloom::rt::block_on;
use std::time::Duration;

/// Stands for a request to the service.
async fn weather(city: &str) -> Result<&'static str, &'static str> {
    sleep(Duration::from_millis(if city == "Tokyo" { 10 } else { 20 })).await;
    if city == "Atlantis" { Err("no such city") } else { Ok("Clouds") }
}

async fn report(city: &str, places: &Semaphore) -> String {
    let _place = places.acquire().await;      // at most two requests at a time
    match timeout(Duration::from_secs(1), weather(city)).await {
        Ok(Ok(weather)) => format!("{city}: {weather}"),
        Ok(Err(reason)) => format!("{city}: {reason}"),
        Err(_) => format!("{city}: too late"),
    }
}

async fn program() -> Vec<String> {
    let places = Semaphore::new(2);
    gather(["Moscow", "Atlantis", "Tokyo"].map(|city| report(city, &places))).await
}

pub fn main() {
    let answers = block_on(program());
    assert_eq!(answers, ["Moscow: Clouds", "Atlantis: no such city", "Tokyo: Clouds"]);
}
