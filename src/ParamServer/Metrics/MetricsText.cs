using System.Globalization;
using System.Text;
using DistSgd.ParamServer.Services;
using DistSgd.ParamServer.Shards;

namespace DistSgd.ParamServer.Metrics;

/// <summary>All metrics in Prometheus' text format, version 0.0.4. docs/operations.md lists them.</summary>
internal static class MetricsText
{
    /// <summary>The metrics now.</summary>
    public static string Of(ServerFacts facts, PeerTable peers, ShardRegistry shards)
    {
        var text = new StringBuilder();
        Head(text, "distsgd_server_info", "gauge", "The server program; always 1.");
        Sample(text, "distsgd_server_info", $"version=\"{Escape(ServerFacts.Version)}\"", 1);
        Head(text, "distsgd_uptime_seconds", "gauge", "Since the server started.");
        Sample(text, "distsgd_uptime_seconds", "", facts.Uptime.TotalSeconds);
        PeerTraffic[] known = peers.All;
        Each(text, known, "distsgd_peer_connected", "gauge", "1 while the connection is there.", peer => peer.IsConnected ? 1 : 0);
        Each(text, known, "distsgd_peer_received_bytes_total", "counter", "Bytes that came over the connection.", peer => peer.Received);
        Each(text, known, "distsgd_peer_sent_bytes_total", "counter", "Bytes that went over the connection.", peer => peer.Sent);
        Each(text, known, "distsgd_peer_calls_total", "counter", "Calls that have ended, of all services; a stream is one.", peer => peer.Calls);
        Each(text, known, "distsgd_peer_calls_refused_total", "counter", "Calls that ended with another status than OK.", peer => peer.CallsRefused);
        Each(text, known, "distsgd_peer_exchanges_total", "counter", "Pushes, pulls and both together that were answered, refused ones too.", peer => peer.Latency.Count);
        Each(text, known, "distsgd_peer_exchanges_in_flight", "gauge", "Exchanges that are being done.", peer => peer.UnderWay);
        Each(text, known, "distsgd_peer_exchanges_refused_total", "counter", "Exchanges that were refused.", peer => peer.Refused);
        Each(text, known, "distsgd_peer_queue_seconds_total", "counter", "How long exchanges waited between the arrival of their message and their turn.", peer => peer.Queued.TotalSeconds);
        Latencies(text, known);
        Shards(text, shards);
        return text.ToString();
    }

    private static void Latencies(StringBuilder text, PeerTraffic[] peers)
    {
        const string Name = "distsgd_peer_exchange_seconds";
        Head(text, Name, "summary", "From the arrival of an exchange's message to its answer; quantiles over the connection's life, at most a quarter too high.");
        foreach (PeerTraffic peer in peers)
        {
            string label = $"peer=\"{Escape(peer.Name)}\"";
            foreach ((string quantile, double at) in (ReadOnlySpan<(string, double)>)[("0.5", 0.5), ("0.99", 0.99)])
                Sample(text, Name, $"{label},quantile=\"{quantile}\"", peer.Latency.Quantile(at)?.TotalSeconds ?? double.NaN);
            Sample(text, $"{Name}_sum", label, peer.Latency.Sum.TotalSeconds);
            Sample(text, $"{Name}_count", label, peer.Latency.Count);
        }
    }

    private static void Shards(StringBuilder text, ShardRegistry registry)
    {
        (string Label, ShardFigures Figures)[] shards = [.. registry.All.OrderBy(shard => shard.Job.Name, StringComparer.Ordinal).ThenBy(shard => shard.Number)
            .Select(shard => ($"job=\"{Escape(shard.Job.Name)}\",shard=\"{shard.Number}\"", shard.Figures))];
        Each("distsgd_shard_version", "gauge", "The shard's version: pushes that were applied.", figures => figures.Version);
        Each("distsgd_shard_duplicate_pushes_total", "counter", "Pushes that came again and were not applied again.", figures => figures.Duplicates);
        Each("distsgd_shard_refused_pushes_total", "counter", "Pushes that the shard refused.", figures => figures.Refused);
        Each("distsgd_shard_pushed_bytes_total", "counter", "Keys and values of all pushes.", figures => figures.BytesPushed);
        Each("distsgd_shard_pulled_bytes_total", "counter", "Values of the answers to all pulls.", figures => figures.BytesPulled);

        void Each(string name, string type, string help, Func<ShardFigures, long> value)
        {
            Head(text, name, type, help);
            foreach ((string label, ShardFigures figures) in shards)
                Sample(text, name, label, value(figures));
        }
    }

    private static void Each(StringBuilder text, PeerTraffic[] peers, string name, string type, string help, Func<PeerTraffic, double> value)
    {
        Head(text, name, type, help);
        foreach (PeerTraffic peer in peers)
            Sample(text, name, $"peer=\"{Escape(peer.Name)}\"", value(peer));
    }

    private static void Head(StringBuilder text, string name, string type, string help) => text.Append($"# HELP {name} {help}\n# TYPE {name} {type}\n");

    private static void Sample(StringBuilder text, string name, string labels, double value) =>
        text.Append(CultureInfo.InvariantCulture, $"{name}{(labels.Length == 0 ? "" : $"{{{labels}}}")} {value:R}\n");

    private static string Escape(string label) =>
        label.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
}
