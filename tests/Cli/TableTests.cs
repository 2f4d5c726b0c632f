using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using DistSgd.Cli.Tables;
using DistSgd.Learning.Formats;
using DistSgd.ParamServer.Hosting;
using DistSgd.Protos.V1;
using DistSgd.Shared.Exchange;
using DistSgd.TestKit;
using Google.Protobuf;
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
        {
            var file = new SafetensorsWriter();
            file.AddTensor("weights", TensorType.F32, [3], stream => stream.Write(MemoryMarshal.AsBytes([1f, 2f, float.NaN])));
            file.Save(values);
        }
        Outcome refused = await CommandLine.RunAsync("push", "--server", server.Address, "--job", "j", "--range", "1..4", "--kind", "delta", "--values", values);
        Assert.Equal((1, ""), (refused.Code, refused.Output));
        Assert.Contains(format == "text" ? "line 1, column 5: 'nan' is not finite" : "tensor 'weights', element 2: NaN is not finite", refused.Error, StringComparison.Ordinal);
        Assert.Equal("0\n0\n0\n", (await CommandLine.MustAsync("pull", "--server", server.Address, "--job", "j", "--range", "1..4")).Output);
    }

    [Theory]
    [InlineData(8, 1u, "answered a pull of 3 keys with 8 bytes; expected 12, 1 float32 a key")]
    [InlineData(16, 1u, "answered a pull of 3 keys with 16 bytes; expected 12, 1 float32 a key")]
    [InlineData(12, 2u, "newer than this program (contract 2, not 1)")]
    public async Task ServerThatAnswersOtherwiseThanTheContract_IsNamed(int bytes, uint contract, string says)
    {
        await using WebApplication liar = await Listeners.HostAsync(
            listen => listen.Protocols = HttpProtocols.Http2,
            app =>
            {
                app.MapGrpcService<LyingShards>();
                app.MapGrpcService<LyingParameters>();
            },
            services => services.AddSingleton(new Lie(bytes, contract)));
        Outcome outcome = await CommandLine.RunAsync("pull", "--server", Listeners.AddressOf(liar), "--job", "j");
        Assert.Equal((1, ""), (outcome.Code, outcome.Output));
        Assert.Contains(says, outcome.Error, StringComparison.Ordinal);
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

    private static async Task<ServerHost> StartAsync(int shards)
    {
        ServerHost server = await ServerHost.StartAsync(new ServerOptions { Listen = "127.0.0.1:0" }, CancellationToken.None);
        using GrpcChannel channel = GrpcChannel.ForAddress($"http://{server.Address}");
        var spec = new JobSpec { Job = "j", Rule = new UpdateRule { Schedule = new Schedule { Rate = 0.5 } }, Tables = { new Table { Name = "weights", Count = 8 }, new Table { Name = "bias", FirstKey = 8, Count = 1 } } };
        var request = new ActivateRequest { Spec = spec };
        if (shards == 2)
            request.Shards.Add([new ShardPlacement { Shard = 0, Count = 3 }, new ShardPlacement { Shard = 1, FirstKey = 3, Count = 6 }]);
        await new Shards.ShardsClient(channel).ActivateAsync(request, deadline: DateTime.UtcNow.AddSeconds(30));
        return server;
    }

    private sealed record Lie(int Bytes, uint Contract);

    private sealed class LyingShards(Lie lie) : Shards.ShardsBase
    {
        public override Task<DescribeResponse> Describe(DescribeRequest request, ServerCallContext context) => Task.FromResult(new DescribeResponse
        {
            Contract = lie.Contract,
            Jobs = { new JobDescription { Job = "j", Width = 1, EntryFloats = 1, Tables = { new Table { Name = "weights", Count = 3 } } } },
            Shards = { new ShardDescription { Job = "j", Count = 3 } },
        });
    }

    private sealed class LyingParameters(Lie lie) : Parameters.ParametersBase
    {
        public override Task<PullResponse> Pull(PullRequest request, ServerCallContext context) => Task.FromResult(new PullResponse { Values = ByteString.CopyFrom(new byte[lie.Bytes]) });
    }
}
