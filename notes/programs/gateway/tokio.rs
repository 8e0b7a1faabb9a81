use handloom_tokio::tokio;
use tokio::join;
use tokio::sync::Semaphore;
use tokio::time::{Duration, sleep, timeout};

/// Stands for a request to the service.
async fn weather(city: &str) -> Result<&'static str, &'static str> {
    sleep(Duration::from_millis(if city == "Tokyo" { 10 } else { 20 })).await;
    if city == "Atlantis" { Err("no such city") } else { Ok("Clouds") }
}

async fn report(city: &str, places: &Semaphore) -> String {
    let _place = places.acquire().await.expect("it is never closed");
    match timeout(Duration::from_secs(1), weather(city)).await {
        Ok(Ok(weather)) => format!("{city}: {weather}"),
        Ok(Err(reason)) => format!("{city}: {reason}"),
        Err(_) => format!("{city}: too late"),
    }
}

async fn program() -> Vec<String> {
    let places = Semaphore::new(2);
    let [moscow, atlantis, tokyo] =
        ["Moscow", "Atlantis", "Tokyo"].map(|city| report(city, &places));
    <[String; 3]>::from(join!(moscow, atlantis, tokyo)).to_vec()
}

pub fn main() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answers = runtime.block_on(program());
    assert_eq!(answers, ["Moscow: Clouds", "Atlantis: no such city", "Tokyo: Clouds"]);
    Ok(())
}
