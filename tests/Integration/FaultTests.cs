using System.Net;
using System.Net.Sockets;
using System.Text;
using DistSgd.TestKit;
using DistSgd.Trainer;

namespace DistSgd.Integration.Tests;

/// <summary>What goes wrong between processes: one sentence, exit code 1, no process left.</summary>
public sealed class FaultTests : IDisposable
{
    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task HandStartedWorkerKilled_IsNamedWithinTheHeartbeat_AndTheOthersFailWithIt()
    {
        string data = await Clicks.WriteAsync(_folder, rows: 1000);
        (ProgramRun run, string address) = await ProgramRun.ServerAsync("--heartbeat-max", "1");
        await using ProgramRun server = run;
        await using ProgramRun victim = ProgramRun.Start("worker", "--coordinator", address);
        await using ProgramRun survivor = ProgramRun.Start("worker", "--coordinator", address);
        await using ProgramRun leader = ProgramRun.Start("train", "--connect", address, "--workers", "2", "--data", data, "--epochs", "1000000", "--out", _folder["m"], "--json");
        await leader.LineAsync("\"evaluation\"");
        victim.Signal("KILL");
        await leader.FailsAsync("is lost: it has been silent for");
        await survivor.FailsAsync($"The coordinator {address} ended the training: its leader gave up: Worker ", "is lost: it has been silent for");
        await server.LineAsync("it did not end well: its leader gave up: Worker ");
        Assert.Equal(["clicks.libsvm"], _folder.Names);
    }

    [Fact]
    public async Task LeaderInterrupted_ItsWorkersFailAndSaySo_WhileARuleThatEndsItIsASuccess()
    {
        string data = await Clicks.WriteAsync(_folder, rows: 1000);
        (ProgramRun run, string address) = await ProgramRun.ServerAsync();
        await using ProgramRun server = run;
        string[] command = ["train", "--connect", address, "--workers", "2", "--data", data, "--epochs", "1000000", "--out", _folder["m"], "--json"];
        await using (ProgramRun first = ProgramRun.Start("worker", "--coordinator", address), second = ProgramRun.Start("worker", "--coordinator", address), leader = ProgramRun.Start(command))
        {
            await leader.LineAsync("\"evaluation\"");
            leader.Signal("INT");
            await leader.EndsAsync(130);
            await first.FailsAsync($"The coordinator {address} ended the training: its leader was interrupted.");
            await second.FailsAsync($"The coordinator {address} ended the training: its leader was interrupted.");
        }
        await using (ProgramRun first = ProgramRun.Start("worker", "--coordinator", address), second = ProgramRun.Start("worker", "--coordinator", address), leader = ProgramRun.Start([.. command, "--tolerance", "1e30"]))
        {
            await leader.EndsAsync(0);
            await first.EndsAsync(0);
            await second.EndsAsync(0);
        }
    }

    [Fact]
    public async Task HandStartedServerKilled_IsNamedByLeaderAndWorkers()
    {
        string data = await Clicks.WriteAsync(_folder, rows: 1000);
        (ProgramRun run, string address) = await ProgramRun.ServerAsync();
        await using ProgramRun server = run;
        await using ProgramRun worker = ProgramRun.Start("worker", "--coordinator", address, "--retry-deadline", "5");
        await using ProgramRun leader = ProgramRun.Start("train", "--connect", address, "--workers", "1", "--data", data, "--epochs", "1000000", "--retry-deadline", "5", "--out", _folder["m"], "--json");
        await leader.LineAsync("\"evaluation\"");
        server.Signal("KILL");
        await leader.FailsAsync($"Server {address}");
        await worker.FailsAsync(address, "could not be reached for 5 s");
        Assert.Equal(["clicks.libsvm"], _folder.Names);
    }

    [Fact]
    public async Task Worker_WithOtherData_SaysSo_AndTheLeaderToo()
    {
        string data = await Clicks.WriteAsync(_folder, rows: 500);
        string other = _folder.Write("other", "1 1:1\n-1 2:1\n");
        (ProgramRun run, string address) = await ProgramRun.ServerAsync();
        await using ProgramRun server = run;
        await using ProgramRun leader = ProgramRun.Start("train", "--connect", address, "--workers", "1", "--data", data, "--epochs", "1", "--out", _folder["m"]);
        await using ProgramRun worker = ProgramRun.Start("worker", "--coordinator", address, "--data", other);
        await worker.FailsAsync("is not the one the job was made for: it has 13 bytes");
        await leader.FailsAsync("is not the one the job was made for");
    }

    [Fact]
    public async Task Server_OnAPortInUse_SaysSo()
    {
        (ProgramRun run, string address) = await ProgramRun.ServerAsync();
        await using ProgramRun server = run;
        await using ProgramRun second = ProgramRun.Start("server", "--listen", address);
        await second.FailsAsync($"Cannot listen on {address}", "in use");
    }

    [Fact]
    public async Task Connect_ToNobody_ToAnUnknownName_ToAnotherProtocol_ToAMuteServer_SaysWhich()
    {
        string data = await Clicks.WriteAsync(_folder, rows: 100);
        using var free = new TcpListener(IPAddress.Loopback, 0);
        free.Start();
        string refusing = free.LocalEndpoint.ToString()!;
        free.Stop();
        await using var web = new PlainWebServer();
        using var mute = new TcpListener(IPAddress.Loopback, 0); // the system takes connections for it, and nobody answers
        mute.Start();
        // What the system says of a port is heard of on a machine that is busy too, where a first call takes longer than a second.
        foreach ((string address, string deadline, string says) in ((string, string, string)[])[(mute.LocalEndpoint.ToString()!, "1", "s (--retry-deadline 1): it did not answer"), (refusing, "6", "Connection refused"), ("nobody.invalid:7070", "1", "nobody.invalid"), (web.Address, "1", web.Address)])
        {
            await using ProgramRun run = ProgramRun.Start("train", "--connect", address, "--workers", "1", "--retry-deadline", deadline, "--data", data, "--out", _folder["m"]);
            await run.FailsAsync(says);
            await using ProgramRun worker = ProgramRun.Start("worker", "--coordinator", address, "--retry-deadline", "1");
            await worker.FailsAsync(address);
        }
        Assert.Equal(["clicks.libsvm"], _folder.Names);
    }

    [Fact]
    public async Task DataFileThatVanishes_IsNamedByTheWorker()
    {
        string data = await Clicks.WriteAsync(_folder, rows: 500);
        (ProgramRun run, string address) = await ProgramRun.ServerAsync();
        await using ProgramRun server = run;
        await using ProgramRun leader = ProgramRun.Start("train", "--connect", address, "--workers", "1", "--data", data, "--epochs", "1", "--out", _folder["m"]);
        await leader.LineAsync("waits for 1 worker");
        File.Delete(data);
        await using ProgramRun worker = ProgramRun.Start("worker", "--coordinator", address);
        await worker.FailsAsync("isn't on this machine");
        await leader.FailsAsync("isn't on this machine");
    }

    [Fact]
    public async Task Divergence_OnProcesses_NamesTheLearningRate()
    {
        string data = await Clicks.WriteAsync(_folder, rows: 500);
        await using ProgramRun run = ProgramRun.Start("train", "--data", data, "--servers", "1", "--workers", "2", "--optimizer", "sgd", "--learning-rate", "1e30", "--out", _folder["m"]);
        await run.FailsAsync("--learning-rate");
        await run.NoneLeftAsync(TimeSpan.Zero);
        Assert.Equal(["clicks.libsvm"], _folder.Names);
    }

    [Theory]
    [InlineData("INT", 130)]
    [InlineData("KILL", 137)]
    public async Task EmbeddedTraining_StoppedWhileItSaves_LeavesAWholeModel(string signal, int code)
    {
        string data = await Clicks.WriteAsync(_folder, rows: 64, features: 200_000);
        string model = _folder["m"];
        // Each epoch writes a model; the runs are stopped at other moments of that loop.
        for (int epoch = 3; epoch <= 9; epoch += 3)
        {
            await using ProgramRun run = ProgramRun.Start("train", "--data", data, "--epochs", "1000000", "--threads", "1", "--save-every", "1", "--out", model, "--json");
            await run.LineAsync($"\"epoch\":{epoch},");
            run.Signal(signal);
            string error = await run.EndsAsync(code);
            Assert.True(TrainedModel.Load(model).Weights.Length > 100_000);
            if (signal == "INT")
            {
                Assert.Matches($@"^Interrupted in epoch \d+ of 1000000; {model} holds the model after epoch \d+\.\n$", error);
                Assert.Equal(["clicks.libsvm", "m"], _folder.Names);
            }
            File.Delete(model);
        }
    }

    // Answers whatever comes as a web server without HTTP/2 would.
    private sealed class PlainWebServer : IAsyncDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly Task _serving;

        public PlainWebServer()
        {
            _listener.Start();
            Address = _listener.LocalEndpoint.ToString()!;
            _serving = ServeAsync();
        }

        public string Address { get; }

        public async ValueTask DisposeAsync()
        {
            _listener.Stop();
            await _serving;
        }

        private async Task ServeAsync()
        {
            var buffer = new byte[4096];
            while (true)
            {
                try
                {
                    using Socket client = await _listener.AcceptSocketAsync();
                    await client.ReceiveAsync(buffer);
                    await client.SendAsync(Encoding.ASCII.GetBytes("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
                    client.Shutdown(SocketShutdown.Both);
                }
                catch (SocketException) when (_listener.Server.IsBound)
                {
                    // A client that went away.
                }
                catch (Exception stopped) when (stopped is SocketException or ObjectDisposedException)
                {
                    return;
                }
            }
        }
    }
}
