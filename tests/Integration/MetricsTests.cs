using System.Globalization;
using System.Text.Json;
using DistSgd.TestKit;

namespace DistSgd.Integration.Tests;

/// <summary>/metrics of a real server, scraped while a training runs on it.</summary>
public sealed class MetricsTests
{
    [Fact]
    public async Task Scrapes_DuringATraining_NeverFall_AndEndWithWhatWasExchanged()
    {
        using var folder = new Folder();
        string data = await Clicks.WriteAsync(folder);
        (ProgramRun run, string address, HttpClient metrics) = await ProgramRun.MeteredServerAsync();
        await using ProgramRun server = run;
        using HttpClient http = metrics;
        await using ProgramRun worker = ProgramRun.Start("worker", "--coordinator", address, "--data", data);
        await using ProgramRun leader = ProgramRun.Start("train", "--connect", address, "--workers", "1", "--data", data, "--epochs", "30", "--batch", "16", "--local-steps", "0", "--out", folder["m"], "--json");
        Task<string> ends = leader.EndsAsync(0);
        var seen = new List<Dictionary<string, double>>();
        do
            seen.Add(Parse(await http.GetStringAsync("/metrics")));
        while (!ends.IsCompleted);
        await ends;
        await worker.EndsAsync(0);
        for (int i = 1; i < seen.Count; i++)
        {
            foreach (string name in (string[])["distsgd_peer_received_bytes_total", "distsgd_peer_sent_bytes_total", "distsgd_peer_exchanges_total"])
                Assert.True(Sum(seen[i], name) >= Sum(seen[i - 1], name), $"scrape {i}: {name} fell");
        }
        Assert.Contains(seen, scrape => Sum(scrape, "distsgd_shard_version") > 0);
        Dictionary<string, double> last = Parse(await http.GetStringAsync("/metrics"));
        JsonElement done = JsonDocument.Parse(leader.Output[^1]).RootElement.GetProperty("processes").EnumerateArray().First(process => process.GetProperty("role").GetString() == "worker");
        double pushes = done.GetProperty("pushes").GetDouble(), pushed = done.GetProperty("bytes_pushed").GetDouble(), pulled = done.GetProperty("bytes_pulled").GetDouble();
        Assert.True(pushes > 100, $"{pushes} pushes");
        // The worker's are by far the most; what the leader does besides is pulls for its evaluations.
        double exchanges = last.Where(sample => sample.Key.StartsWith("distsgd_peer_exchanges_total{", StringComparison.Ordinal)).Max(sample => sample.Value);
        Assert.InRange(exchanges, pushes, pushes + 2);
        Assert.True(Sum(last, "distsgd_peer_received_bytes_total") >= pushed, $"{pushed} bytes pushed");
        Assert.True(Sum(last, "distsgd_peer_sent_bytes_total") >= pulled, $"{pulled} bytes pulled");
        Assert.Equal(0, Sum(last, "distsgd_peer_exchanges_refused_total"));
        Assert.Equal(0, Sum(last, "distsgd_peer_exchanges_in_flight"));
        Assert.All(last.Where(sample => sample.Key.Contains("quantile=\"0.99\"", StringComparison.Ordinal) && !sample.Key.Contains("others", StringComparison.Ordinal) && !double.IsNaN(sample.Value)), sample => Assert.InRange(sample.Value, 1e-7, 60));
    }

    private static double Sum(Dictionary<string, double> samples, string name) => samples.Where(sample => sample.Key.StartsWith($"{name}{{", StringComparison.Ordinal)).Sum(sample => sample.Value);

    private static Dictionary<string, double> Parse(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => line[0] != '#')
        .ToDictionary(line => line[..line.LastIndexOf(' ')], line => double.Parse(line.AsSpan(line.LastIndexOf(' ') + 1), CultureInfo.InvariantCulture), StringComparer.Ordinal);
}
