using DistSgd.Learning.Formats;
using DistSgd.ParamServer.Hosting;
using DistSgd.Protos.V1;
using DistSgd.TestKit;
using Grpc.Net.Client;

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
            (["push", "--job", "j", "--values", folder.Write("nan.txt", "1 2 3 4 5 6 7 NaN")], 1, "NaN"),
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
}
