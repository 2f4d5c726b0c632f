namespace DistSgd.Repo.Tests;

/// <summary>Calls that this repository does without. Each rule names the replacement; each proves on a counter-example that it can fail.</summary>
public sealed class BannedCallTests
{
    // Where a process begins: the only places that read the environment, and that write to the terminal.
    private static readonly string[] CompositionRoots = ["src/Cli", "src/ParamServer/Program.cs", "src/Worker/Program.cs"];

    [Fact]
    public void ThreadSleep_IsCalledNowhere() =>
        new Rule(@"\bThread\.(Sleep|SpinWait)\s*\(", "await the thing itself, with a bound and a TimeProvider")
            .Holds("Thread.Sleep(10);", Checkout.Sources());

    [Fact]
    public void Tests_NeverWaitForTimeToPass() =>
        new Rule(@"\bTask\.Delay\s*\((?!\s*Timeout\.Infinite)", "await what the test waits for: a sync point, a fake TimeProvider, WaitAsync with a bound")
            .Holds("await Task.Delay(100);", Checkout.Sources("tests"));

    [Fact]
    public void Tasks_AreAwaited_NotBlockedOn() =>
        new Rule(@"\.Result\b(?!\s*[=({])|\.Wait\s*\(\s*\)|\.GetAwaiter\(\)\.GetResult\(\)|\bTask\.Wait(All|Any)\b", "await")
        {
            // The blocking unary call is part of the official API that this runtime offers.
            Except = ["src/Grpc/Client/ChannelCallInvoker.cs"],
        }
        .Holds("var x = task.Result;", Checkout.Sources("src", "examples"));

    [Fact]
    public void LocalTime_IsAskedNowhere() =>
        new Rule(@"\bDateTime(Offset)?\.(Now|Today)\b", "an injected TimeProvider, or UtcNow for a gRPC deadline")
            .Holds("var now = DateTime.Now;", Checkout.Sources());

    [Fact]
    public void Console_IsWrittenOnlyWhereAProcessBegins() =>
        new Rule(@"\bConsole\.(?!CancelKeyPress|OpenStandardInput)", "a TextWriter or an Action<string> given by the caller") { Except = CompositionRoots }
            .Holds("Console.WriteLine(1);", Checkout.Sources("src"));

    [Fact]
    public void Environment_IsReadOnlyWhereAProcessBegins() =>
        new Rule(@"\bEnvironment\.(GetEnvironmentVariables?|ExpandEnvironmentVariables)\b", "an option, set from the environment in the composition root") { Except = CompositionRoots }
            .Holds("Environment.GetEnvironmentVariable(name);", Checkout.Sources("src", "bench"));

    [Fact]
    public void Randomness_IsAlwaysSeeded()
    {
        new Rule(@"\bnew\s+Random\s*\(", "SeededRandom, so that one seed gives the same numbers on every version of .NET")
            .Holds("var r = new Random(5);", Checkout.Sources("src"));
        new Rule(@"\bnew\s+Random\s*\(\s*\)|\bRandom\.Shared\b", "a generator with a seed that a failure can print")
            .Holds("var r = new Random();", Checkout.Sources());
    }

    [Fact]
    public void Processes_AreStartedOnlyByTheClusterAndTheTestKit() =>
        new Rule(@"\bProcess\.Start\s*\(|\bnew\s+Process\b(?!StartInfo)", "Trainer's Cluster, or TestKit, which bind the child's life to its parent's")
        {
            Except = ["src/Trainer/Cluster", "tests/TestKit", "tests/Interop/PeerProcess.cs", "tests/Integration/ProgramRun.cs"],
        }
        .Holds("Process.Start(\"ls\");", Checkout.Sources("src", "tests", "examples"));

    [Fact]
    public void Files_AreWrittenWholeOrNotAtAll() =>
        new Rule(@"\bFile\.(WriteAll|AppendAll|Append|Create|CreateText|OpenWrite)\w*\s*\(|\bFileMode\.(Create|CreateNew|Append|Truncate|OpenOrCreate)\b|\bnew\s+StreamWriter\s*\(\s*[""$@]",
            "AtomicFile.Write: a temporary file, flushed to the disk, then renamed")
        {
            // A generated training set for the workers of one run, and a trial of a folder: both deleted at once.
            Except = ["src/Learning/Formats/AtomicFile.cs", "src/Cli/TemporaryFile.cs", "src/Cli/OutputFile.cs"],
        }
        .Holds("File.WriteAllBytes(path, model);", Checkout.Sources("src"));

    [Fact]
    public void Code_IsNeverReadFromData() =>
        new Rule(@"\bBinaryFormatter\b|\bAssembly\.Load\w*\s*\(|\bTypeNameHandling\b", "a format that can only hold data: protobuf, safetensors, JSON of known shape")
            .Holds("new BinaryFormatter();", Checkout.Sources());

    [Fact]
    public void AsyncVoid_IsUsedNowhere() =>
        new Rule(@"\basync\s+void\b", "async Task, so that someone sees the failure").Holds("async void Run()", Checkout.Sources());
}
