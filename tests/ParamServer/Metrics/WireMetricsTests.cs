using System.Buffers;
using System.IO.Pipelines;
using DistSgd.ParamServer.Hosting;
using DistSgd.ParamServer.Metrics;
using DistSgd.ParamServer.Services;
using DistSgd.Protos.V1;
using DistSgd.Shared.Jobs;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace DistSgd.ParamServer.Tests.Metrics;

public sealed class WireMetricsTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Scrape_AfterPushes_CountsEachExchangeOfItsPeer_AndEachPushOfItsShard()
    {
        const int Pushes = 7;
        await using ServerHost server = await ServerHost.StartAsync(new ServerOptions { Listen = "127.0.0.1:0", MetricsPort = 0, Limits = new ServerLimits { CallMemoryBytesMax = 100_000 } }, CancellationToken.None);
        using GrpcChannel channel = GrpcChannel.ForAddress($"http://{server.Address}");
        string job = "quoted \"job\"";
        await new Protos.V1.Shards.ShardsClient(channel).ActivateAsync(new ActivateRequest { Spec = (Jobs.Make() with { Name = job }).ToMessage() }, deadline: DateTime.UtcNow + Patience);
        var client = new Parameters.ParametersClient(channel);
        for (uint i = 1; i <= Pushes; i++)
            await client.PushAsync(Push(job, i, 1), deadline: DateTime.UtcNow + Patience);
        await client.PushAsync(Push(job, Pushes, 1), deadline: DateTime.UtcNow + Patience);
        await Assert.ThrowsAsync<RpcException>(async () => await client.PushAsync(Push(job, Pushes + 1, float.NaN), deadline: DateTime.UtcNow + Patience));
        await Assert.ThrowsAsync<RpcException>(async () => await new Protos.V1.Shards.ShardsClient(channel).ActivateAsync(new ActivateRequest(), deadline: DateTime.UtcNow + Patience));
        await Assert.ThrowsAsync<RpcException>(async () => await client.PushAsync(new PushRequest { Job = job, Push = new Push { Values = ByteString.CopyFrom(new byte[200_000]) } }, deadline: DateTime.UtcNow + Patience));
        using var http = new HttpClient();
        string[] lines = (await http.GetStringAsync($"http://{server.MetricsAddress}/metrics")).Split('\n');
        string shard = "{job=\"quoted \\\"job\\\"\",shard=\"0\"}";
        Assert.Contains($"distsgd_shard_version{shard} {Pushes}", lines);
        Assert.Contains($"distsgd_shard_duplicate_pushes_total{shard} 1", lines);
        Assert.Contains($"distsgd_shard_refused_pushes_total{shard} 1", lines);
        Assert.Contains($"distsgd_shard_pushed_bytes_total{shard} {256 * (Pushes + 1)}", lines);
        string peer = Assert.Single(lines, line => line.StartsWith("distsgd_peer_exchanges_total{peer=\"127.0.0.1:", StringComparison.Ordinal));
        Assert.EndsWith($" {Pushes + 2}", peer, StringComparison.Ordinal);
        Assert.Contains(lines, line => line.StartsWith("distsgd_peer_exchanges_refused_total{peer=\"127.0.0.1:", StringComparison.Ordinal) && line.EndsWith(" 1", StringComparison.Ordinal));
        // The activation, the pushes, a refused activation, and a push that is larger than all calls' messages may be.
        Assert.Contains(lines, line => line.StartsWith("distsgd_peer_calls_total{peer=\"127.0.0.1:", StringComparison.Ordinal) && line.EndsWith($" {Pushes + 5}", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("distsgd_peer_calls_refused_total{peer=\"127.0.0.1:", StringComparison.Ordinal) && line.EndsWith(" 3", StringComparison.Ordinal));
        foreach (string line in lines.Where(line => line.StartsWith("# TYPE", StringComparison.Ordinal)))
            Assert.Contains(line.Split(' ')[2], await File.ReadAllTextAsync(Path.Combine(TestKit.ForeignProgram.Root, "docs/operations.md")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Transport_Counted_CountsEachByteOnce_HoweverItIsRead()
    {
        var peer = new PeerTraffic("p", TimeProvider.System);
        var (input, output) = (new Pipe(), new Pipe());
        var counted = new CountingTransport(new Pair(input.Reader, output.Writer), peer);
        await input.Writer.WriteAsync(new byte[1000]);
        ReadResult first = await counted.Input.ReadAsync();
        counted.Input.AdvanceTo(first.Buffer.GetPosition(300));
        await input.Writer.WriteAsync(new byte[24]);
        ReadResult second = await counted.Input.ReadAsync();
        Assert.Equal(724, second.Buffer.Length);
        counted.Input.AdvanceTo(second.Buffer.End);
        Assert.Equal(1024, peer.Received);
        counted.Output.Write(new byte[50]);
        await counted.Output.WriteAsync(new byte[7]);
        Assert.Equal(57, peer.Sent);
        Assert.Equal(57, (await output.Reader.ReadAsync()).Buffer.Length);
    }

    [Fact]
    public void CountingAnExchange_AllocatesNothing()
    {
        var peer = new PeerTraffic("p", TimeProvider.System);
        Count(peer);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
            Count(peer);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        static void Count(PeerTraffic peer)
        {
            using var meter = new ExchangeMeter(peer, 1);
            meter.Done();
        }
    }

    private static PushRequest Push(string job, uint sequence, float value)
    {
        byte[] values = [.. Enumerable.Repeat(BitConverter.GetBytes(value), 64).SelectMany(bytes => bytes)];
        return new PushRequest { Job = job, Push = new Push { Name = new PushName { Source = 1, Sequence = sequence }, Kind = PushKind.Gradient, Keys = new ShardKeys { Count = 64 }, Values = ByteString.CopyFrom(values) } };
    }

    private sealed class Pair(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;

        public PipeWriter Output => output;
    }
}
