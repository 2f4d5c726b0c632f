using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using DistSgd.Cli.Tables;
using DistSgd.Learning.Formats;
using DistSgd.ParamServer.Hosting;
using DistSgd.Protos.V1;
using DistSgd.Shared.Exchange;
using DistSgd.TestKit;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using ShardPlacement = DistSgd.Protos.V1.ShardPlacement;

namespace DistSgd.Cli.Tests;

/// <summary><c>distsgd push</c> and <c>distsgd pull</c> on a running server.</summary>
public sealed class TableTests
{
    [Fact]
    public async Task Push_SentTwiceUnderOneName_IsAppliedOnce_AndPullShowsIt()
    {
        using var folder = new Folder();
        await using ServerHost server = await StartAsync(shards: 2);
        string values = folder.Write("values.txt", "1 2.5 -3\n4 5 6\n7 8\n");
        string[] push = ["push", "--server", server.Address, "--job", "j", "--table", "weights", "--values", values, "--kind", "delta", "--name", "7:1"];
        Assert.Contains("push 7:1, shard 0: applied, version 1", (await CommandLine.MustAsync(push)).Output, StringComparison.Ordinal);
        Assert.Contains("push 7:1, shard 1: was applied before, version 1", (await CommandLine.MustAsync(push)).Output, StringComparison.Ordinal);
        Assert.Equal("1\n2.5\n-3\n4\n5\n6\n7\n8\n", (await CommandLine.MustAsync("pull", "--server", server.Address, "--job", "j")).Output);
        Assert.Equal("-3\n4\n", (await CommandLine.MustAsync("pull", "--server", server.Address, "--job", "j", "--range", "2..4")).Output);
        Assert.Equal("0\n", (await CommandLine.MustAsync("pull", "--server", server.Address, "--job", "j", "--table", "bias")).Output);
    }

    [Fact]
    public async Task Gradient_RunsTheJobsRule_AndATensorGoesThereAndBack()
    {
        using var folder = new Folder();
        await using ServerHost server = await StartAsync(shards: 1);
        string values = folder.Write("gradient.txt", "1\n1\n1\n1\n1\n1\n1\n-2\n");
        await CommandLine.MustAsync("push", "--server", server.Address, "--job", "j", "--values", values);
        await CommandLine.MustAsync("pull", "--server", server.Address, "--job", "j", "--out", folder["w.safetensors"]);
        using (var file = new SafetensorsReader(folder["w.safetensors"]))
        {
            var read = new float[8];
            file.Read("weights", 0, read.AsSpan());
            Assert.Equal([-0.5f, -0.5f, -0.5f, -0.5f, -0.5f, -0.5f, -0.5f, 1f], read);
        }
        await CommandLine.MustAsync("push", "--server", server.Address, "--job", "j", "--values", folder["w.safetensors"], "--kind", "delta");
        Assert.Equal("-1\n2\n", (await CommandLine.MustAsync("pull", "--server", server.Address, "--job", "j", "--range", "6..8")).Output);
    }

    [Theory]
    [InlineData("text")]
    [InlineData("safetensors")]
    public async Task Push_OfNaN_LeavesEveryShardAsItWas(string format)
    {
        using var folder = new Folder();
        await using ServerHost server = await StartAsync(shards: 2);
        string values = format == "text" ? folder.Write("nan.txt", "1 2 nan\n") : folder["nan.safetensors"];
        if (format != "text")
            Save(values, [1, 2, float.NaN]);
        Outcome refused = await CommandLine.RunAsync("push", "--server", server.Address, "--job", "j", "--range", "1..4", "--kind", "delta", "--values", values);
        Assert.Equal((1, ""), (refused.Code, refused.Output));
        Assert.Contains(format == "text" ? "line 1, column 5: 'nan' is not finite" : "tensor 'weights', element 2: NaN is not finite", refused.Error, StringComparison.Ordinal);
        Assert.Equal("0\n0\n0\n", (await CommandLine.MustAsync("pull", "--server", server.Address, "--job", "j", "--range", "1..4")).Output);
    }

    [Theory]
    [InlineData(8)]
    [InlineData(16)]
    public async Task PullAnsweredWithAnotherNumberOfBytes_IsRefused(int bytes)
    {
        await using PretendServer liar = await PretendServer.StartAsync();
        liar.Says.PulledBytes = _ => bytes;
        await RefusedAsync(liar.Address, $"Server {liar.Address} answered a pull of 3 keys with {bytes} bytes; expected 12, 1 float32 a key");
    }

    [Fact]
    public async Task OneServerUnderTwoNames_IsRefused_AndSoAreServersThatHoldTooLittle()
    {
        using var folder = new Folder();
        string values = folder.Write("values.txt", "1 2 3 4 5 6 7 8");
        await using ServerHost first = await StartAsync([new ShardPlacement { Shard = 0, Count = 3 }]);
        await using ServerHost second = await StartAsync([new ShardPlacement { Shard = 1, FirstKey = 3, Count = 6 }]);
        string again = first.Address.Replace("127.0.0.1", "localhost", StringComparison.Ordinal);
        foreach (string[] command in (string[][])[["pull"], ["push", "--values", values, "--kind", "delta"]])
        {
            await RefusedAsync($"{first.Address},{again}", $"Keys 0..3 of job 'j' are held twice, by {first.Address} (shard 0) and {again} (shard 0): if these are two names of one server, give --server one of them", command);
            await RefusedAsync($"{first.Address},{again},{second.Address}", "are held twice", command);
            await RefusedAsync(first.Address, $"{first.Address} doesn't hold keys 3..8 of table 'weights': name all servers of job 'j' with --server.", command);
        }
        await CommandLine.MustAsync("push", "--server", $"{second.Address},{first.Address}", "--job", "j", "--values", values, "--kind", "delta");
        Assert.Equal("1\n2\n3\n4\n5\n6\n7\n8\n", (await CommandLine.MustAsync("pull", "--server", $"{first.Address},{second.Address}", "--job", "j")).Output);
        Assert.Equal("2\n3\n", (await CommandLine.MustAsync("pull", "--server", first.Address, "--job", "j", "--range", "1..3")).Output);
    }

    [Fact]
    public async Task PushWithoutName_ThatFailsInTheMiddle_SaysUnderWhichNameToRepeatIt()
    {
        using var folder = new Folder();
        string values = folder.Write("values.txt", "1 2 3 4 5 6 7 8");
        await using ServerHost first = await StartAsync([new ShardPlacement { Shard = 0, Count = 3 }]);
        await using PretendServer second = await PretendServer.StartAsync(8, describe: answer =>
        {
            answer.Jobs[0].Tables.Add(new Table { Name = "bias", FirstKey = 8, Count = 1 });
            (answer.Shards[0].Shard, answer.Shards[0].FirstKey, answer.Shards[0].Count) = (1, 3, 6);
        });
        second.Says.Push = _ => new Status(StatusCode.Internal, "down");
        string[] push = ["push", "--server", $"{first.Address},{second.Address}", "--job", "j", "--values", values, "--kind", "delta"];
        Outcome failed = await CommandLine.RunAsync(push);
        Assert.Equal(1, failed.Code);
        string start = $"Server {second.Address} answered Internal: down. `distsgd doctor {second.Address}` may tell more. The push was applied by {first.Address} (shard 0) and may have been applied by {second.Address} (shard 1): once that is mended, give the same command again with --name ";
        Assert.StartsWith(start, failed.Error, StringComparison.Ordinal);
        string name = failed.Error[start.Length..].Split(',')[0];
        Assert.Equal($"push {name}, shard 0: applied, version 1\n", failed.Output);
        second.Says.Push = null;
        Outcome repeated = await CommandLine.MustAsync([.. push, "--name", name]);
        Assert.Equal($"push {name}, shard 0: was applied before, version 1\npush {name}, shard 1: applied, version 1\n", repeated.Output);
        Assert.Equal("1\n2\n3\n", (await CommandLine.MustAsync("pull", "--server", first.Address, "--job", "j", "--range", "0..3")).Output);
    }

    [Fact]
    public async Task PushThatIsRefused_AsNothingIsApplied_NeedsNoName()
    {
        using var folder = new Folder();
        await using PretendServer server = await PretendServer.StartAsync();
        server.Says.Push = _ => new Status(StatusCode.InvalidArgument, "no\u001b[31m\nway");
        await RefusedAsync(server.Address, $"Server {server.Address} answered InvalidArgument: no\\x1b[31m\\x0away. `distsgd doctor {server.Address}` may tell more.\n", "push", "--values", folder.Write("v", "1 2 3"));
    }

    [Fact]
    public async Task LargePush_GoesInPiecesOfAMebibyte_EachOnce_AlsoWhenItIsRepeatedFromTheMiddle()
    {
        using var folder = new Folder();
        const int Keys = 600_000;
        string values = folder["v.safetensors"];
        float[] given = [.. Enumerable.Range(0, Keys).Select(key => (float)key)];
        Save(values, given);
        await using PretendServer server = await PretendServer.StartAsync(Keys);
        server.Says.Push = request => new Status(request.Push.Part == 2 ? StatusCode.Internal : StatusCode.OK, "down");
        string[] push = ["push", "--server", server.Address, "--job", "j", "--values", values, "--kind", "delta", "--name", "7:1"];
        Outcome failed = await CommandLine.RunAsync(push);
        Assert.Contains($"The push was applied in part by {server.Address} (shard 0): once", failed.Error, StringComparison.Ordinal);
        server.Says.Push = null;
        server.Says.Pushes.Clear();
        await CommandLine.MustAsync(push);
        Push[] parts = [.. server.Says.Pushes.Select(request => request.Push)];
        Assert.All(parts, part => Assert.InRange(part.Values.Length, 4, 1 << 20));
        Assert.Equal([(0u, 3u), (1u, 3u), (2u, 3u)], parts.Select(part => (part.Part, part.Parts)));
        Assert.Equal([0u, 262_144u, 524_288u], parts.Select(part => (uint)part.Keys.First));
        Assert.True(parts.SelectMany(part => MemoryMarshal.Cast<byte, float>(part.Values.Span).ToArray()).SequenceEqual(given));
    }

    [Fact]
    public async Task LargeTable_GoesThereAndBack_AsOnePush()
    {
        using var folder = new Folder();
        const int Keys = 600_000;
        float[] given = [.. Enumerable.Range(0, Keys).Select(key => (float)key)];
        Save(folder["v.safetensors"], given);
        await using ServerHost server = await StartAsync([], Keys);
        string[] push = ["push", "--server", server.Address, "--job", "j", "--values", folder["v.safetensors"], "--kind", "delta", "--name", "7:1"];
        Assert.Equal("push 7:1, shard 0: applied, version 1\n", (await CommandLine.MustAsync(push)).Output);
        Assert.Equal("push 7:1, shard 0: was applied before, version 1\n", (await CommandLine.MustAsync(push)).Output);
        await CommandLine.MustAsync("pull", "--server", server.Address, "--job", "j", "--out", folder["w.safetensors"]);
        using var file = new SafetensorsReader(folder["w.safetensors"]);
        var read = new float[Keys];
        file.Read("weights", 0, read.AsSpan());
        Assert.True(given.AsSpan().SequenceEqual(read));
    }

    [Fact]
    public async Task PullOfWideKeys_AsksForAMebibyteAtATime()
    {
        const int Width = 10_000;
        await using PretendServer server = await PretendServer.StartAsync(60, Width);
        Outcome outcome = await CommandLine.MustAsync("pull", "--server", server.Address, "--job", "j");
        Assert.Equal(60, outcome.Output.Count(letter => letter == '\n'));
        Assert.Equal([26ul, 26ul, 8ul], server.Says.Pulls.Select(request => request.Pull.Keys.Count));
    }

    [Fact]
    public void LongTransfer_IsToldOfNowAndThen_AndNotWhenItIsOver()
    {
        var (time, told) = (new ManualTime(), new List<string>());
        var notice = new TransferNotice("pushed", 10_000_000, told.Add, time);
        notice.Moved(1_000_000);
        time.Advance(TransferNotice.Every);
        notice.Moved(3_500_000);
        notice.Moved(3_500_000);
        time.Advance(TransferNotice.Every);
        notice.Moved(2_000_000);
        Assert.Equal(["4.5 of 10.0 MB are pushed"], told);
    }

    [Fact]
    public async Task DescriptionThatIsTooLarge_IsRefusedAtOnce()
    {
        await using PretendServer server = await PretendServer.StartAsync(describe: answer => answer.ServerVersion = new string('x', 5 << 20));
        await RefusedAsync(server.Address, $"Server {server.Address} answered ResourceExhausted: Received message exceeds", "pull", "--retry-deadline", "3600");
    }

    [Fact]
    public async Task ServerThatWaitingWontMend_IsNamedAtOnce()
    {
        await using WebApplication web = await Listeners.HostAsync(listen => listen.Protocols = HttpProtocols.Http1, _ => { });
        await using WebApplication tls = await Listeners.HostAsync(listen => listen.UseHttps(Listeners.Certificate()), _ => { });
        foreach ((WebApplication server, string says) in ((WebApplication, string)[])[(web, "speaks HTTP/1, not gRPC"), (tls, "speaks TLS, which this command doesn't")])
        {
            Outcome outcome = await CommandLine.RunAsync("pull", "--server", Listeners.AddressOf(server), "--job", "j", "--retry-deadline", "3600");
            Assert.Equal((1, ""), (outcome.Code, outcome.Output));
            Assert.StartsWith($"{Listeners.AddressOf(server)} {says}", outcome.Error, StringComparison.Ordinal);
        }
        await RefusedAsync("0.0.0.0:7070", "0.0.0.0:7070 is where a server listens", "pull", "--retry-deadline", "3600");
    }

    [Fact]
    public async Task ServerThatRefusesConnections_IsWaitedFor_AndSaidToBeUnreachable()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        string address = listener.LocalEndpoint.ToString()!;
        listener.Stop();
        var time = new ManualTime();
        var told = new List<string>();
        Task opening = TableClient.OpenAsync([address], "j", "weights", null, new RepeatedCalls(TimeSpan.FromSeconds(5), told.Add, time), CancellationToken.None);
        // The notice's timer, until it is given, and the one between two attempts.
        for (int second = 0; await Task.WhenAny(opening, time.TimersAsync(told.Count == 0 ? 2 : 1, TimeSpan.FromSeconds(30))) != opening; second++)
        {
            Assert.Equal(second < 2 ? [] : [$"server {address} has not answered yet; it is tried for another 3 s (--retry-deadline 5)"], told);
            time.Advance(TimeSpan.FromSeconds(1));
        }
        ParameterException unreachable = await Assert.ThrowsAsync<ParameterException>(() => opening);
        Assert.Equal($"Server {address} can't be reached: Connection refused; it was tried for 5 s (--retry-deadline). `distsgd doctor {address}` may tell more.", unreachable.Message);
    }

    [Fact]
    public async Task WhatIsWrong_IsSaidInOneSentence()
    {
        using var folder = new Folder();
        await using ServerHost server = await StartAsync(shards: 1);
        (string[] Args, int Code, string Says)[] cases =
        [
            (["pull", "--job", "other"], 1, "Job 'other' isn't on"),
            (["pull", "--job", "j", "--table", "weigths"], 1, "no table 'weigths'; it has 'weights', 'bias'"),
            (["pull", "--job", "j", "--range", "0..9"], 1, "reaches beyond the 8 keys"),
            (["pull", "--job", "j", "--range", "3..3"], 2, "expected A..B"),
            (["push", "--job", "j", "--values", folder.Write("short.txt", "1 2")], 1, "has 2 values; 8 keys with 1 each need 8"),
            (["push", "--job", "j", "--values", folder.Write("bad.txt", "1\n2 x")], 1, "line 2, column 3: 'x' is not a number"),
            (["push", "--job", "j", "--values", folder.Write("nan.txt", "1 2 3 4 5 6 7 NaN")], 1, "nan.txt, line 1, column 15: 'NaN' is not finite; expected a number within float32"),
            (["push", "--job", "j", "--values", folder.Write("inf.txt", "1 2 3 4\n5 6 7 1e39")], 1, "inf.txt, line 2, column 7: '1e39' is not finite; expected a number within float32"),
            (["push", "--job", "j", "--values", "-", "--name", "7"], 2, "expected SOURCE:SEQUENCE"),
        ];
        foreach ((string[] args, int code, string says) in cases)
        {
            Outcome outcome = await CommandLine.RunAsync([.. args, "--server", server.Address]);
            Assert.True(outcome.Code == code, $"{string.Join(' ', args)}: {outcome.Code} {outcome.Error}");
            Assert.Contains(says, outcome.Error, StringComparison.Ordinal);
        }
    }

    private static async Task RefusedAsync(string servers, string says, params string[] command)
    {
        Outcome outcome = await CommandLine.RunAsync([.. command is [] ? ["pull"] : command, "--server", servers, "--job", "j"]);
        Assert.Equal((1, ""), (outcome.Code, outcome.Output));
        Assert.Contains(says, outcome.Error, StringComparison.Ordinal);
    }

    private static void Save(string path, float[] values)
    {
        var file = new SafetensorsWriter();
        file.AddTensor("weights", TensorType.F32, [values.Length], stream => stream.Write(MemoryMarshal.AsBytes(values.AsSpan())));
        file.Save(path);
    }

    private static Task<ServerHost> StartAsync(int shards) =>
        StartAsync(shards == 1 ? [] : [new ShardPlacement { Shard = 0, Count = 3 }, new ShardPlacement { Shard = 1, FirstKey = 3, Count = 6 }]);

    private static async Task<ServerHost> StartAsync(ShardPlacement[] shards, ulong keys = 8)
    {
        ServerHost server = await ServerHost.StartAsync(new ServerOptions { Listen = "127.0.0.1:0" }, CancellationToken.None);
        using GrpcChannel channel = GrpcChannel.ForAddress($"http://{server.Address}");
        var spec = new JobSpec { Job = "j", Rule = new UpdateRule { Schedule = new Schedule { Rate = 0.5 } }, Tables = { new Table { Name = "weights", Count = keys }, new Table { Name = "bias", FirstKey = keys, Count = 1 } } };
        await new Shards.ShardsClient(channel).ActivateAsync(new ActivateRequest { Spec = spec, Shards = { shards } }, deadline: DateTime.UtcNow.AddSeconds(30));
        return server;
    }
}
