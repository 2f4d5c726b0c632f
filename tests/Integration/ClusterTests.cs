using System.Text.Json;
using DistSgd.TestKit;
using DistSgd.Trainer;

namespace DistSgd.Integration.Tests;

/// <summary>Training on real processes of this machine, and on servers and workers started by hand.</summary>
public sealed class ClusterTests : IDisposable
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(20);

    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task TwoServersTwoWorkers_ReachTheEmbeddedLoss_AndEachDoesItsPart()
    {
        string data = await Clicks.WriteAsync(_folder);
        JsonElement embedded = await ProgramRun.TrainAsync("--data", data, "--test", data, "--epochs", "5", "--threads", "2", "--out", _folder["m1"]);
        JsonElement spread = await ProgramRun.TrainAsync("--data", data, "--test", data, "--epochs", "5", "--servers", "2", "--workers", "2", "--out", _folder["m2"]);
        Assert.Equal(embedded.GetProperty("test_loss").GetDouble(), spread.GetProperty("test_loss").GetDouble(), 0.02);
        JsonElement[] processes = [.. spread.GetProperty("processes").EnumerateArray()];
        Assert.Equal(["server", "server", "worker", "worker"], processes.Select(process => process.GetProperty("role").GetString()!));
        Assert.Equal(4, processes.Select(process => process.GetProperty("process_id").GetInt32()).Distinct().Count());
        Assert.All(processes, process =>
        {
            Assert.True(process.GetProperty("pushes").GetInt64() > 0, $"{process}");
            Assert.True(process.GetProperty("bytes_pushed").GetInt64() > 0, $"{process}");
            Assert.True(process.GetProperty("bytes_pulled").GetInt64() > 0, $"{process}");
        });
        Assert.EndsWith("shards 0", processes[0].GetProperty("where").GetString(), StringComparison.Ordinal);
        Assert.EndsWith("shards 1", processes[1].GetProperty("where").GetString(), StringComparison.Ordinal);
        Assert.Equal(processes[2..].Sum(worker => worker.GetProperty("bytes_pushed").GetInt64()), spread.GetProperty("bytes_pushed").GetInt64());
    }

    [Fact]
    public async Task CsvOverProcesses_IsBitEqualToOneThread_AlsoWithLineEndsInFieldsAndFromStandardInput()
    {
        foreach (string note in (string[])["plain", "\"two\nlines\""])
        {
            string data = _folder.Write("d.csv", "x,c,note,y\n" + string.Concat(Enumerable.Range(0, 500).Select(i => $"{(i % 11 == 0 ? "" : $"{i % 17}")},k{i % 5},{note},{(i % 17 > 8 ? "up" : "down")}\n")));
            string[] same = ["--epochs", "2", "--prefetch", "0", "--local-steps", "20", "--exchange", "sparse"];
            await ProgramRun.TrainAsync([.. same, "--data", data, "--threads", "1", "--out", _folder["m1"]]);
            await ProgramRun.TrainAsync([.. same, "--data", data, "--servers", "1", "--workers", "1", "--out", _folder["m2"]]);
            await using (ProgramRun piped = ProgramRun.StartLimited($"exec <'{data}'", [], ["train", .. same, "--data", "-", "--servers", "1", "--workers", "1", "--out", _folder["m3"]]))
                await piped.EndsAsync(0);
            int[] one = Bits("m1");
            Assert.Equal(one, Bits("m2"));
            Assert.Equal(one, Bits("m3"));
        }

        int[] Bits(string model) => [.. TrainedModel.Load(_folder[model]).Weights.ToArray().Select(BitConverter.SingleToInt32Bits)];
    }

    [Fact]
    public async Task WeightsHeldOutRowsAndAFirstModel_OverProcesses_AreBitEqualToOneThread()
    {
        string data = await Clicks.WriteAsync(_folder, rows: 600);
        string weights = _folder.Write("w", string.Concat(Enumerable.Range(0, 600).Select(i => $"{i % 4}\n")));
        await ProgramRun.TrainAsync("--data", data, "--epochs", "1", "--threads", "1", "--out", _folder["m0"]);
        string[] same = ["--data", data, "--weights", weights, "--class-weight", "balanced", "--validation-fraction", "0.25", "--init", _folder["m0"], "--epochs", "2", "--prefetch", "0", "--local-steps", "20"];
        JsonElement embedded = await ProgramRun.TrainAsync([.. same, "--threads", "1", "--out", _folder["m1"]]);
        JsonElement spread = await ProgramRun.TrainAsync([.. same, "--servers", "1", "--workers", "1", "--out", _folder["m2"]]);
        Assert.Equal(TrainedModel.Load(_folder["m1"]).Weights.ToArray().Select(BitConverter.SingleToInt32Bits), TrainedModel.Load(_folder["m2"]).Weights.ToArray().Select(BitConverter.SingleToInt32Bits));
        Assert.Equal(embedded.GetProperty("test_loss").GetDouble(), spread.GetProperty("test_loss").GetDouble());
    }

    [Fact]
    public async Task PreparedAndStreamedRows_OverProcesses_AreBitEqualToOneThread()
    {
        string data = await Clicks.WriteAsync(_folder, rows: 1200);
        string[][] ways = [["--normalize-rows", "--hash-bits", "9", "--order", "largest-loss"], ["--memory-max", "2000"], ["--order", "interleaved", "--scale", "max-abs"], ["--order", "sequential", "--memory-max", "2000"]];
        foreach (string[] way in ways)
        {
            string[] same = ["--data", data, .. way, "--epochs", "3", "--prefetch", "0", "--local-steps", "40"];
            await ProgramRun.TrainAsync([.. same, "--threads", "1", "--out", _folder["m1"]]);
            await ProgramRun.TrainAsync([.. same, "--servers", "1", "--workers", "1", "--out", _folder["m2"]]);
            Assert.Equal(TrainedModel.Load(_folder["m1"]).Weights.ToArray().Select(BitConverter.SingleToInt32Bits), TrainedModel.Load(_folder["m2"]).Weights.ToArray().Select(BitConverter.SingleToInt32Bits));
        }
    }

    [Fact]
    public async Task StandardInput_Malformed_IsNamedWithLineAndColumn()
    {
        string data = _folder.Write("bad", "1 1:1\n0 1:x\n");
        await using ProgramRun piped = ProgramRun.StartLimited($"exec <'{data}'", [], "train", "--data", "-", "--out", _folder["m"]);
        await piped.FailsAsync("standard input:2:5: found \"x\" as value");
    }

    [Fact]
    public async Task StandardInput_Empty_IsSaid()
    {
        await using ProgramRun piped = ProgramRun.StartLimited("exec </dev/null", [], "train", "--data", "-", "--out", _folder["m"]);
        await piped.FailsAsync("Standard input is empty");
    }

    [Theory]
    [InlineData("adagrad", "sparse", "50")]
    [InlineData("sgd", "dense", "0")]
    public async Task OneWorkerWithoutPrefetch_IsBitEqualToOneThread(string optimizer, string exchange, string localSteps)
    {
        string data = await Clicks.WriteAsync(_folder, rows: 600);
        string[] same = ["--data", data, "--epochs", "2", "--optimizer", optimizer, "--exchange", exchange, "--local-steps", localSteps, "--prefetch", "0"];
        await ProgramRun.TrainAsync([.. same, "--threads", "1", "--out", _folder["m1"]]);
        await ProgramRun.TrainAsync([.. same, "--servers", "2", "--workers", "1", "--out", _folder["m2"]]);
        TrainedModel one = TrainedModel.Load(_folder["m1"]);
        TrainedModel other = TrainedModel.Load(_folder["m2"]);
        Assert.Equal(one.Weights.ToArray().Select(BitConverter.SingleToInt32Bits), other.Weights.ToArray().Select(BitConverter.SingleToInt32Bits));
        Assert.Equal(BitConverter.SingleToInt32Bits(one.Bias), BitConverter.SingleToInt32Bits(other.Bias));
    }

    [Fact]
    public async Task WithoutData_TheGeneratedSetIsTrainedOnProcesses()
    {
        using var temporary = new Folder();
        string[] output = await ProgramRun.MustAsync([("TMPDIR", temporary.Place)], "train", "--epochs", "1", "--servers", "1", "--workers", "2", "--out", _folder["m"]);
        Assert.Empty(Directory.EnumerateFileSystemEntries(temporary.Place));
        Assert.Contains(output, line => line.Contains("generated click log", StringComparison.Ordinal));
        Assert.Equal(2, output.Count(line => line.StartsWith("worker process", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task StartedByHand_WorkersBeforeAndAfterTheLeader_TrainOneJobAfterAnother()
    {
        string data = await Clicks.WriteAsync(_folder, rows: 1000);
        (ProgramRun first, string a) = await ProgramRun.ServerAsync();
        (ProgramRun second, string b) = await ProgramRun.ServerAsync();
        await using ProgramRun serverA = first, serverB = second;
        for (int job = 0; job < 2; job++)
        {
            await using ProgramRun early = ProgramRun.Start("worker", "--coordinator", a);
            await early.LineAsync("waiting for a job");
            await using ProgramRun leader = ProgramRun.Start("train", "--connect", $"{a},{b}", "--workers", "2", "--data", data, "--epochs", "2", "--out", _folder["m"], "--json");
            await leader.LineAsync("waits for 2 workers");
            await using ProgramRun late = ProgramRun.Start("worker", "--coordinator", a, "--data", data);
            await leader.EndsAsync(0);
            await early.EndsAsync(0);
            await late.EndsAsync(0);
            JsonElement[] processes = [.. JsonDocument.Parse(leader.Output[^1]).RootElement.GetProperty("processes").EnumerateArray()];
            Assert.All(processes, process => Assert.True(process.GetProperty("pushes").GetInt64() > 0, $"{process}"));
        }
        foreach (string happened in (string[])["begun: 2 shards on 2 servers", "worker", "finished after", "ended by its leader: 2 of 2 partitions finished"])
            await serverA.LineAsync(happened, number: 2);
        foreach (ProgramRun server in (ProgramRun[])[serverA, serverB])
        {
            await server.LineAsync("activated: ", number: 2);
            await server.LineAsync("freed, as its leader asked", number: 2);
            server.Signal("TERM");
            await server.EndsAsync(0);
            Assert.Contains("stopping", server.Output[^1], StringComparison.Ordinal);
            await server.NoneLeftAsync(TimeSpan.Zero);
        }
    }

    [Theory]
    [InlineData("INT", 130)]
    [InlineData("TERM", 130)]
    [InlineData("KILL", 137)]
    public async Task Signal_ToTheParent_EndsAllProcesses(string signal, int code)
    {
        string data = await Clicks.WriteAsync(_folder, rows: 1000);
        await using ProgramRun run = ProgramRun.Start("train", "--data", data, "--epochs", "1000000", "--servers", "2", "--workers", "2", "--out", _folder["m"], "--json");
        await run.LineAsync("\"evaluation\"");
        Assert.Equal(2, run.Servers.Length);
        Assert.Equal(2, run.Workers.Length);
        run.Signal(signal);
        string error = await run.EndsAsync(code);
        await run.NoneLeftAsync(signal == "KILL" ? Grace : TimeSpan.Zero);
        if (signal != "KILL")
            Assert.Matches($@"^Interrupted (in epoch \d+ of 1000000|after the last epoch); {_folder["m"]} was not written\.\n$", error);
        Assert.Equal(["clicks.libsvm"], _folder.Names);
    }

    [Fact]
    public async Task CtrlC_WhileTheClusterStarts_ReachingChildrenFirst_IsAnInterruption()
    {
        string data = await Clicks.WriteAsync(_folder, rows: 1000);
        await using ProgramRun run = ProgramRun.Start("train", "--data", data, "--servers", "2", "--workers", "2", "--epochs", "1000000", "--out", _folder["m"], "--json");
        foreach (int server in await run.ServersAsync(count => count == 2))
            ProgramRun.Signal(server, "INT");
        await run.ServersAsync(count => count == 0);
        run.Signal("INT");
        Assert.Matches($@"^Interrupted .*{_folder["m"]} was not written\.\n$", await run.EndsAsync(130));
        await run.NoneLeftAsync(TimeSpan.Zero);
        Assert.Equal(["clicks.libsvm"], _folder.Names);
    }

    [Theory]
    [InlineData("worker")]
    [InlineData("server")]
    public async Task ChildKilled_IsNamed_AndNothingIsLeft(string role)
    {
        string data = await Clicks.WriteAsync(_folder, rows: 1000);
        await using ProgramRun run = ProgramRun.Start("train", "--data", data, "--epochs", "1000000", "--servers", "2", "--workers", "2", "--out", _folder["m"], "--json");
        await run.LineAsync("\"evaluation\"");
        int victim = (role == "server" ? run.Servers : run.Workers)[0];
        ProgramRun.Signal(victim, "KILL");
        await run.FailsAsync($"The {role} (process {victim}) ended with exit code 137");
        await run.NoneLeftAsync(TimeSpan.Zero);
        Assert.Equal(["clicks.libsvm"], _folder.Names);
    }
}
