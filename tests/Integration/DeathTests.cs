using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using DistSgd.Protos.V1;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Sharding;
using DistSgd.TestKit;
using DistSgd.Trainer;
using Grpc.Net.Client;
using PullPart = DistSgd.Shared.Exchange.PullPart;
using PushKind = DistSgd.Shared.Exchange.PushKind;
using PushName = DistSgd.Shared.Exchange.PushName;
using ShardPlacement = DistSgd.Shared.Exchange.ShardPlacement;

namespace DistSgd.Integration.Tests;

/// <summary>Processes that die, stop or come back in the midst of their work.</summary>
public sealed class DeathTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task WorkerKilledInMidPush_ThePushIsNotThere_OthersAreServed_AndTheLeaderSaysWhoIsLost()
    {
        const int features = 200_000;
        string data = await Clicks.WriteAsync(_folder, rows: 64, features: features);
        (ProgramRun run, string address) = await ProgramRun.ServerAsync("--heartbeat-max", "3");
        await using ProgramRun server = run;
        await using var proxy = new CuttingProxy(address);
        await using ProgramRun worker = ProgramRun.Start("worker", "--coordinator", address);
        // All that goes to the shard goes through the proxy; a push has 1.6 MB, and nothing else that goes there is large.
        await using ProgramRun leader = ProgramRun.Start("train", "--connect", proxy.Address, "--workers", "1", "--data", data, "--optimizer", "adagrad", "--exchange", "dense", "--batch", "8",
            "--local-steps", "1", "--prefetch", "0", "--epochs", "1000000", "--out", _folder["m"], "--json");
        await leader.LineAsync("\"evaluation\"");
        proxy.HoldAfter(2_500_000);
        await proxy.Held.WaitAsync(Patience);
        leader.Signal("STOP");
        using GrpcChannel channel = GrpcChannel.ForAddress($"http://{address}");
        ShardDescription before = await DescribeAsync(channel);
        await using GrpcParameterClient other = Client(before, address);
        float[] valuesBefore = await PullAsync(other, features);
        worker.Signal("KILL");
        await worker.EndsAsync(137);
        proxy.Release();
        // A later push, by another, is answered after whatever was left of the dead one.
        var push = new ParameterExchange(1)
        {
            PushKeys = KeySet.Range(0, 1),
            PushValues = new float[] { 0.5f, 0 },
            PushKind = PushKind.Delta,
            PushName = new PushName(77, 1),
            ReadVersions = { [0] = (long)before.Version },
        };
        await other.ExecuteAsync(push, CancellationToken.None);
        Assert.Equal(before.Version + 1, (await DescribeAsync(channel)).Version);
        valuesBefore[0] += 0.5f;
        Assert.Equal(valuesBefore, await PullAsync(other, features));
        leader.Signal("CONT");
        await leader.FailsAsync("is lost: it has been silent for");
        await server.LineAsync("is lost, silent for");
        await server.LineAsync("freed, as its leader asked");
        Assert.Equal(["clicks.libsvm"], _folder.Names);
    }

    [Fact]
    public async Task ServerKilledWhileModelsAreSaved_TheLastModelIsWholeAndPredicts()
    {
        string data = await Clicks.WriteAsync(_folder, rows: 500);
        await using ProgramRun run = ProgramRun.Start("train", "--data", data, "--servers", "2", "--workers", "2", "--epochs", "1000000", "--save-every", "1", "--out", _folder["m"], "--json");
        await run.LineAsync("\"evaluation\"", number: 3);
        int victim = run.Servers[1];
        ProgramRun.Signal(victim, "KILL");
        await run.FailsAsync($"The server (process {victim}) ended with exit code 137");
        await run.NoneLeftAsync(TimeSpan.Zero);
        Assert.Equal(["clicks.libsvm", "m"], _folder.Names);
        await ProgramRun.MustAsync("predict", "--model", _folder["m"], "--data", data, "--out", _folder["p"]);
        Assert.Equal(500, File.ReadLines(_folder["p"]).Count());
    }

    [Fact]
    public async Task EverythingKilledInTheMiddle_TheSameCommandGoesOnFromItsCheckpoint()
    {
        string data = await Clicks.WriteAsync(_folder, rows: 500);
        string[] command = ["train", "--data", data, "--servers", "2", "--workers", "2", "--epochs", "100000", "--optimizer", "adam", "--checkpoint", _folder["state"], "--out", _folder["m"]];
        await using (ProgramRun run = ProgramRun.Start([.. command, "--json"]))
        {
            await run.LineAsync("\"evaluation\"", number: 5);
            int[] children = [.. run.Servers, .. run.Workers];
            run.Signal("KILL");
            foreach (int process in children)
                ProgramRun.Signal(process, "KILL");
            await run.NoneLeftAsync(TimeSpan.FromSeconds(10));
        }
        await using (ProgramRun again = ProgramRun.Start(command))
            Assert.Matches("goes on from .*state, behind epoch [1-9][0-9]* of 100000", await again.LineAsync("goes on from"));
        // In one process too, and to the end.
        string[] ended = await ProgramRun.MustAsync("train", "--data", data, "--seconds-max", "0.5", "--optimizer", "adam", "--epochs", "100000", "--exchange", "dense", "--checkpoint", _folder["state"], "--out", _folder["m"]);
        Assert.Contains(ended, line => line.Contains("behind epoch", StringComparison.Ordinal));
        // Killed while it wrote the file, it leaves a part, which saves of a minute later remove.
        Assert.Equal(["clicks.libsvm", "m", "state"], _folder.Names.Where(name => !name.StartsWith(".state.", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("--optimizer", "adam", "--batch", "8", "--learning-rate", "0.01")]
    [InlineData("--optimizer", "adam", "--batch", "8", "--learning-rate", "0.01", "--average", "0")]
    [InlineData("--optimizer", "sgd", "--svrg", "3")]
    public async Task BegunInOneProcess_AndContinuedOnServersWithAWorker_EqualsTheWholeTrainingBitForBit(params string[] options)
    {
        string data = await Clicks.WriteAsync(_folder, rows: 500);
        string[] command = ["train", "--data", data, .. options, "--schedule", "constant", "--exchange", "dense", "--prefetch", "0", "--epochs"];
        await ProgramRun.MustAsync([.. command, "4", "--threads", "1", "--out", _folder["whole"]]);
        await ProgramRun.MustAsync([.. command, "2", "--threads", "1", "--out", _folder["half"], "--checkpoint", _folder["state"]]);
        await ProgramRun.MustAsync([.. command, "4", "--servers", "2", "--workers", "1", "--out", _folder["continued"], "--checkpoint", _folder["state"]]);
        foreach (string model in (string[])["whole", "continued"])
            await ProgramRun.MustAsync("predict", "--model", _folder[model], "--data", data, "--out", _folder[$"{model}.predictions"]);
        Assert.Equal(await File.ReadAllTextAsync(_folder["whole.predictions"]), await File.ReadAllTextAsync(_folder["continued.predictions"]));
    }

    [Fact]
    public async Task LeaderAndCoordinatorKilled_TheOtherServerFreesItsShards_AndTheWorkerEnds()
    {
        string data = await Clicks.WriteAsync(_folder, rows: 500);
        (ProgramRun first, string a) = await ProgramRun.ServerAsync("--heartbeat-max", "1");
        (ProgramRun second, string b) = await ProgramRun.ServerAsync("--heartbeat-max", "1");
        await using ProgramRun coordinator = first, other = second;
        await using ProgramRun worker = ProgramRun.Start("worker", "--coordinator", a, "--retry-deadline", "5");
        await using ProgramRun leader = ProgramRun.Start("train", "--connect", $"{a},{b}", "--workers", "1", "--data", data, "--epochs", "1000000", "--out", _folder["m"], "--json");
        await leader.LineAsync("\"evaluation\"");
        leader.Signal("KILL");
        coordinator.Signal("KILL");
        await worker.FailsAsync(a, "could not be reached for 5 s");
        await other.LineAsync("freed, neither renewed by a leader nor used for 6 s");
    }

    [Fact]
    public async Task CoordinatorRestartedWhileAWorkerWaits_TheWorkerSaysSoAndTakesTheNextJob()
    {
        string data = await Clicks.WriteAsync(_folder, rows: 500);
        (ProgramRun first, string address) = await ProgramRun.ServerAsync();
        await using ProgramRun worker = ProgramRun.Start("worker", "--coordinator", address);
        await using (first)
        {
            await worker.LineAsync("waiting for a job");
            first.Signal("KILL");
            await worker.LineAsync($"the coordinator {address} doesn't answer");
        }
        await using ProgramRun again = ProgramRun.Start("server", "--listen", address);
        await worker.LineAsync("waiting for a job", number: 2);
        await ProgramRun.MustAsync("train", "--connect", address, "--workers", "1", "--data", data, "--epochs", "2", "--out", _folder["m"]);
        await worker.EndsAsync(0);
    }

    [Fact]
    public async Task ServerPausedForLongerThanAHeartbeat_TakesNobodyForDead()
    {
        string data = await Clicks.WriteAsync(_folder, rows: 500);
        (ProgramRun run, string address) = await ProgramRun.ServerAsync("--heartbeat-max", "1");
        await using ProgramRun server = run;
        await using ProgramRun worker = ProgramRun.Start("worker", "--coordinator", address);
        await using ProgramRun leader = ProgramRun.Start("train", "--connect", address, "--workers", "1", "--data", data, "--epochs", "1000000", "--out", _folder["m"], "--json");
        await leader.LineAsync("\"evaluation\"");
        server.Signal("STOP");
        // Both have given up a call by then, which takes several times a heartbeat.
        await leader.LineAsync($"server {address} doesn");
        await worker.LineAsync("doesn't answer");
        int seen = leader.Output.Count(line => line.Contains("\"evaluation\"", StringComparison.Ordinal));
        server.Signal("CONT");
        await leader.LineAsync("\"evaluation\"", number: seen + 3);
        Assert.DoesNotContain(server.Output, line => line.Contains("is lost", StringComparison.Ordinal) || line.Contains("freed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task WorkerByHand_DataTruncatedOrDamaged_SaysSo_AndTheSameRowsCompressedTrain()
    {
        string data = await Clicks.WriteAsync(_folder, rows: 500);
        byte[] bytes = await File.ReadAllBytesAsync(data);
        byte[] packed = Gzip(bytes);
        string cut = Put("cut", bytes[..(bytes.Length / 2)]), cutGzip = Put("cut.gz", packed[..(packed.Length / 2)]), gzip = Put("same.gz", packed);
        (ProgramRun run, string address) = await ProgramRun.ServerAsync();
        await using ProgramRun server = run;
        foreach ((string path, string? says) in ((string, string?)[])[(cut, "is not the one the job was made for"), (cutGzip, "truncated"), (gzip, null)])
        {
            await using ProgramRun leader = ProgramRun.Start("train", "--connect", address, "--workers", "1", "--data", data, "--epochs", "1", "--out", _folder["m"]);
            await using ProgramRun worker = ProgramRun.Start("worker", "--coordinator", address, "--data", path);
            if (says is null)
            {
                await worker.EndsAsync(0);
                await leader.EndsAsync(0);
                continue;
            }
            await worker.FailsAsync(path, says);
            await leader.FailsAsync(path, says);
        }

        string Put(string name, byte[] content)
        {
            File.WriteAllBytes(_folder[name], content);
            return _folder[name];
        }
    }

    [Fact]
    public async Task SecondServerRefusing_IsNamed_AndTheFirstFreesWhatItHad()
    {
        string data = await Clicks.WriteAsync(_folder, rows: 100);
        using var free = new TcpListener(IPAddress.Loopback, 0);
        free.Start();
        string refusing = free.LocalEndpoint.ToString()!;
        free.Stop();
        (ProgramRun run, string address) = await ProgramRun.ServerAsync();
        await using ProgramRun server = run;
        await using ProgramRun leader = ProgramRun.Start("train", "--connect", $"{address},{refusing}", "--workers", "1", "--retry-deadline", "5", "--data", data, "--out", _folder["m"]);
        await leader.FailsAsync(refusing, "Connection refused");
        await server.LineAsync("activated: ");
        await server.LineAsync("freed, as its leader asked");
    }

    private static byte[] Gzip(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
            gzip.Write(bytes);
        return packed.ToArray();
    }

    private static async Task<ShardDescription> DescribeAsync(GrpcChannel channel) =>
        (await new Protos.V1.Shards.ShardsClient(channel).DescribeAsync(new DescribeRequest(), deadline: DateTime.UtcNow + Patience)).Shards[0];

    private static GrpcParameterClient Client(ShardDescription shard, string address) =>
        new(shard.Job, entryFloats: 2, [new ShardPlacement(0, new KeyRange(0, (long)shard.Count), address)], new GrpcClientOptions());

    private static async Task<float[]> PullAsync(GrpcParameterClient client, int keys)
    {
        var pull = new ParameterExchange(1) { PullKeys = KeySet.Range(0, keys), PullPart = PullPart.Values, Pulled = new float[keys] };
        await client.ExecuteAsync(pull, CancellationToken.None);
        return pull.Pulled.ToArray();
    }
}
