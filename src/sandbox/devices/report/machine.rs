//! The printer: its paper, its jobs, what came out. PURE.

/// Most jobs that are remembered; beyond that the oldest that is over goes.
const JOBS_MAX: usize = 1_000;

/// How far a job came, by IPP's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// It waits for its document, its turn or paper.
    Pending,
    /// The paper ended in the middle of it.
    Stopped,
    /// Somebody cancelled it.
    Cancelled,
    /// It came out.
    Completed,
}

impl JobState {
    pub(super) fn number(self) -> i32 {
        match self {
            JobState::Pending => 3,
            JobState::Stopped => 6,
            JobState::Cancelled => 7,
            JobState::Completed => 9,
        }
    }

    fn is_over(self) -> bool {
        match self {
            JobState::Cancelled | JobState::Completed => true,
            JobState::Pending | JobState::Stopped => false,
        }
    }
}

/// One job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportJob {
    /// Its number.
    pub id: i32,
    /// Its name.
    pub name: String,
    /// How far it came.
    pub state: JobState,
    /// What it prints, once it was sent.
    pub document: Option<Vec<u8>>,
    /// Sheets that came out.
    pub sheets: u32,
    /// When it was begun, by the printer's count of jobs begun.
    pub began: Option<i32>,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Machine {
    jobs: Vec<ReportJob>,
    papers: Vec<Vec<u8>>,
    /// Sheets in the tray; `None`: as many as are wanted.
    tray: Option<u32>,
    last_id: i32,
    begun: i32,
}

impl Machine {
    /// Makes an empty job.
    pub(super) fn create(&mut self, name: String) -> i32 {
        if self.jobs.len() >= JOBS_MAX
            && let Some(over) = self.jobs.iter().position(|job| job.state.is_over())
        {
            self.jobs.remove(over);
        }
        self.last_id += 1;
        self.jobs.push(ReportJob {
            id: self.last_id,
            name,
            state: JobState::Pending,
            document: None,
            sheets: 0,
            began: None,
        });
        self.last_id
    }

    /// Gives a job its document. `false`: it takes none.
    pub(super) fn send(&mut self, id: i32, document: Vec<u8>) -> bool {
        let job = self.jobs.iter_mut().find(|job| job.id == id);
        let Some(job) = job.filter(|job| job.document.is_none() && !job.state.is_over()) else {
            return false;
        };
        job.document = Some(document);
        self.print();
        true
    }

    /// `false`: it is over.
    pub(super) fn cancel(&mut self, id: i32) -> bool {
        let job = self.jobs.iter_mut().find(|job| job.id == id);
        let Some(job) = job.filter(|job| !job.state.is_over()) else {
            return false;
        };
        job.state = JobState::Cancelled;
        self.print();
        true
    }

    pub(super) fn job(&self, id: i32) -> Option<&ReportJob> {
        self.jobs.iter().find(|job| job.id == id)
    }

    pub(super) fn jobs(&self) -> &[ReportJob] {
        &self.jobs
    }

    pub(super) fn open_jobs(&self) -> impl Iterator<Item = &ReportJob> {
        self.jobs.iter().filter(|job| !job.state.is_over())
    }

    pub(super) fn papers(&self) -> &[Vec<u8>] {
        &self.papers
    }

    pub(super) fn is_out_of_paper(&self) -> bool {
        self.tray == Some(0)
    }

    /// So many sheets are left.
    pub(super) fn set_tray(&mut self, sheets: Option<u32>) {
        self.tray = sheets;
        self.print();
    }

    /// Prints what can be printed, one job after the other.
    fn print(&mut self) {
        for job in self.jobs.iter_mut().filter(|job| !job.state.is_over()) {
            let Some(document) = &job.document else {
                continue;
            };
            let pages = pages(document);
            while job.sheets < pages && self.tray != Some(0) {
                if job.began.is_none() {
                    self.begun += 1;
                    job.began = Some(self.begun);
                }
                job.sheets += 1;
                self.tray = self.tray.map(|sheets| sheets - 1);
            }
            if job.sheets == pages {
                job.state = JobState::Completed;
                self.papers.push(document.clone());
            } else if job.began.is_some() {
                job.state = JobState::Stopped;
            }
        }
    }
}

/// As many as it openly says, at least one.
fn pages(document: &[u8]) -> u32 {
    let page = b"/Type /Page";
    let at_page = |at: &&[u8]| at.starts_with(page) && !at.ends_with(b"s");
    let pages = document.windows(page.len() + 1).filter(at_page).count();
    u32::try_from(pages.max(1)).unwrap_or(u32::MAX)
}
