using System.CommandLine;
using DistSgd.Shared.CommandLine;
using DistSgd.Worker.Hosting;

Interruption.Begin();
return await CommandRunner.RunAsync(WorkerCommand.Configure(new RootCommand("A DistSgd worker.")), "DistSgd.Worker", args, CommandOutput.Open(() => Console.Out, 1), CommandOutput.Open(() => Console.Error, 2), WorkerCommand.IsExpected);
